from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from imaging.brainmap import library_build
from imaging.brainmap.library import INDEX, LibraryError, MapEntry, MapLibrary
from imaging.brainmap.library_build import PROGRESS, build_library
from imaging.brainmap.maps import BrainMap, Lesion
from imaging.brats import BratsCase, find_cases, load_exam, load_reference
from imaging.geometry import Grid
from imaging.labels import LabelScheme
from imaging.modality import Modality
from imaging.nifti import write_nifti_file
from imaging.volume import Volume
from tests.imaging.brainmap.balls import ball_map, grid, same

NAME = "BraTS2021_{:05d}"


def write_exam(root: Path, number: int, *, seed: int, radius: float = 4.5, labels: bool = True) -> Path:
    """A small labelled exam in a case folder: the ball with a tumour, 1 mm."""
    made, case = ball_map(seed=seed, radius=radius), NAME.format(number)
    folder = root / case
    folder.mkdir(parents=True)
    for index, (modality, bands) in enumerate(made.bands.items()):
        voxels = np.where(made.brain, 100 * bands.astype(np.int16) + index, 0).astype(np.int16)
        write_nifti_file(folder / f"{case}_{modality.value}.nii.gz", Volume(voxels, grid()))
    if labels:
        values = {Lesion.NCR: 1, Lesion.ED: 2, Lesion.ET: 4}
        voxels = np.select([made.lesion == part for part in values], list(values.values())).astype(np.uint8)
        write_nifti_file(folder / f"{case}_seg.nii.gz", Volume(voxels, grid()))
    return folder


@pytest.fixture
def cases(tmp_path: Path) -> Sequence[BratsCase]:
    for number in range(4):
        write_exam(tmp_path / "data", number, seed=number)
    return find_cases(tmp_path / "data")


def test_a_library_holds_the_maps_of_the_exams(cases: Sequence[BratsCase], tmp_path: Path) -> None:
    told: list[MapEntry] = []
    library = build_library(cases, tmp_path / "new" / "maps", on_case=told.append)
    assert {entry.digest for entry in told} == {entry.digest for entry in library.entries}
    assert len(told) == 4
    for case, entry in zip(cases, told, strict=True):
        assert same(library.load(entry.digest), BrainMap.of_exam(load_exam(case), load_reference(case)))
    assert MapLibrary.open(tmp_path / "new" / "maps").digest == library.digest


def test_a_library_names_no_patient_and_holds_nothing_else(cases: Sequence[BratsCase], tmp_path: Path) -> None:
    library = build_library(cases, tmp_path / "maps")
    files = list((tmp_path / "maps").iterdir())
    assert {path.name for path in files} == {INDEX, *(f"{entry.digest}.npz" for entry in library.entries)}
    for path in files:
        assert b"BraTS" not in path.read_bytes()


def test_exams_of_one_map_become_one_entry(cases: Sequence[BratsCase], tmp_path: Path) -> None:
    write_exam(tmp_path / "data", 9, seed=2)
    told: list[MapEntry] = []
    library = build_library(find_cases(tmp_path / "data"), tmp_path / "maps", on_case=told.append)
    assert len(library.entries) == len(cases)
    assert len(told) == len(cases) + 1


class Reader:
    """Counts the exams that are read, and is killed at one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, killed_at: int | None = None) -> None:
        self.read: list[BratsCase] = []
        self._killed_at = killed_at
        monkeypatch.setattr(library_build, "load_exam", self._load)

    def _load(self, case: BratsCase) -> object:
        if len(self.read) == self._killed_at:
            raise KeyboardInterrupt
        self.read.append(case)
        return load_exam(case)


def killed(cases: Sequence[BratsCase], folder: Path, *, after: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        Reader(patch, killed_at=after)
        with pytest.raises(KeyboardInterrupt):
            build_library(cases, folder)


def test_a_build_that_was_killed_goes_on(
    cases: Sequence[BratsCase], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(cases, tmp_path / "maps", after=2)
    with pytest.raises(LibraryError):
        MapLibrary.open(tmp_path / "maps")
    assert "BraTS" not in (tmp_path / "maps" / PROGRESS).read_text()
    reader = Reader(monkeypatch)
    told: list[MapEntry] = []
    library = build_library(cases, tmp_path / "maps", on_case=told.append)
    assert reader.read == list(cases[2:])
    assert len(told) == 4
    assert not (tmp_path / "maps" / PROGRESS).exists()
    assert library.entries == build_library(cases, tmp_path / "at once").entries


def test_what_a_killed_build_left_half_is_made_again(
    cases: Sequence[BratsCase], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(cases, tmp_path / "maps", after=3)
    progress = tmp_path / "maps" / PROGRESS
    lines = progress.read_text().splitlines(keepends=True)
    written = [json.loads(line)["entry"]["digest"] for line in lines if line.strip()]
    # The second line is cut off, the third exam's map is lost.
    progress.write_text("".join(lines[:3]) + lines[3][:40] + "".join(lines[4:]))
    (tmp_path / "maps" / f"{written[2]}.npz").unlink()
    reader = Reader(monkeypatch)
    assert len(build_library(cases, tmp_path / "maps").entries) == 4
    assert reader.read == list(cases[1:])


def test_a_build_that_was_done_is_found_to_be_so(
    cases: Sequence[BratsCase], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = build_library(cases, tmp_path / "maps")
    reader = Reader(monkeypatch)
    assert build_library(list(reversed(cases)), tmp_path / "maps").entries == first.entries
    assert reader.read == []


def test_a_library_of_other_exams_or_labels_is_not_replaced(cases: Sequence[BratsCase], tmp_path: Path) -> None:
    build_library(cases, tmp_path / "maps")
    before = (tmp_path / "maps" / INDEX).read_bytes()
    others = find_cases(tmp_path / "data", label_scheme=LabelScheme.BRATS_2024_POST_TREATMENT)
    for other in (cases[:2], others):
        with pytest.raises(LibraryError, match="library of other exams or labels, got one of 4 maps"):
            build_library(other, tmp_path / "maps")
    assert (tmp_path / "maps" / INDEX).read_bytes() == before


def broken_exam(root: Path, kind: str) -> None:
    folder = write_exam(root, 5, seed=5, radius=0 if kind == "no tumour" else 4.5, labels=kind != "no labels")
    flair, labels = (folder / f"{folder.name}_{name}.nii.gz" for name in ("flair", "seg"))
    whole = Grid((32, 32, 24), np.diag([2.0, 2.0, 2.0, 1.0]))
    if kind == "no skull stripping":
        noise = np.random.default_rng(0).integers(1, 9, (32, 32, 24)).astype(np.int16)
        write_nifti_file(flair, Volume(noise, grid()))
    elif kind == "other labels":
        write_nifti_file(labels, Volume(np.full((32, 32, 24), 3, np.uint8), grid()))
    elif kind == "another grid":
        write_nifti_file(labels, Volume(np.ones((32, 32, 24), np.uint8), whole))
    elif kind == "other voxels":
        for seed, path in enumerate(sorted(folder.iterdir())):
            voxels = np.random.default_rng(seed).integers(0, 2, (32, 32, 24)).astype(np.uint8)
            write_nifti_file(path, Volume(np.where(ball_map().brain, voxels, 0).astype(np.uint8), whole))
    elif kind == "torn file":
        flair.write_bytes(flair.read_bytes()[:200])


@pytest.mark.usefixtures("cases")
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("no labels", "reference: must be there, got none"),
        ("no tumour", "reference: must show a tumour inside the brain, got none"),
        ("no skull stripping", "flair: must be skull-stripped.*, got 100%"),
        ("other labels", r"reference: must hold only the values \[0, 1, 2, 4\] .*"),
        ("another grid", "reference: must lie on the exam's grid.*"),
        ("other voxels", "exam: must be resampled to voxels of 1 x 1 x 1 mm, got 2.00 x 2.00 x 2.00 mm"),
        ("torn file", "flair: .*"),
    ],
)
def test_an_exam_that_gives_no_map_is_told_by_its_place(tmp_path: Path, kind: str, message: str) -> None:
    broken_exam(tmp_path / "data", kind)
    with pytest.raises(LibraryError) as caught:
        build_library(find_cases(tmp_path / "data"), tmp_path / "maps")
    assert re.fullmatch(f"case 5 of 5: {message}", str(caught.value))
    assert "BraTS" not in str(caught.value)
    assert not (tmp_path / "maps" / INDEX).exists()


def test_a_file_that_went_away_is_told_without_its_name(cases: Sequence[BratsCase], tmp_path: Path) -> None:
    cases[1].files[Modality.FLAIR].unlink()
    with pytest.raises(LibraryError) as caught:
        build_library(cases, tmp_path / "maps")
    assert str(caught.value) == "case 2 of 4: file: must be readable, got No such file or directory"


def test_no_cases_make_no_library(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="cases: must be at least one, got none"):
        build_library([], tmp_path / "maps")
    assert not (tmp_path / "maps").exists()
