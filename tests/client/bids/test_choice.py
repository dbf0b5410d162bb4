"""Which images are taken, and which sessions there are."""

from __future__ import annotations

import json
from pathlib import Path

import glioserve as gs
import pytest
from glioserve.bids import Dataset, Session, choose_images

from tests.client.bids.datasets import anat, write_dataset, write_images

ONE = "sub-01_ses-1"


def taken(root: Path) -> dict[str, str]:
    chosen = choose_images(Dataset.open(root), Session("01", "1"))
    return {each.value: name.without("sub", "ses") for each, name in chosen.names.items()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "raw", [ONE])


PLAIN = {"t1": "T1w", "t1ce": "ce-gd_T1w", "t2": "T2w", "flair": "FLAIR"}


def test_the_agent_tells_t1_from_t1ce(root: Path) -> None:
    assert taken(root) == PLAIN
    chosen = choose_images(Dataset.open(root), Session("01", "1"))
    assert chosen.case.notes == ()
    assert chosen.paths[gs.Modality.T1CE] == "sub-01/ses-1/anat/sub-01_ses-1_ce-gd_T1w.nii.gz"
    assert chosen.case.exam.t1ce == root / chosen.paths[gs.Modality.T1CE]


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        (["acq-tse_T2w", "ce-gd_T2w", "rec-norm_run-1_T2w"], PLAIN),
        (["run-2_ce-gd_T1w", "ce-gd_run-1_T1w"], PLAIN),
        (["part-phase_T1w", "chunk-1_FLAIR", "part-real_T2w"], PLAIN),
        (["T2star", "PDw", "defacemask"], PLAIN),
    ],
)
def test_others_do_not_win(root: Path, others: list[str], expected: dict[str, str]) -> None:
    write_images(root, ONE, *others)
    assert taken(root) == expected


def test_the_first_run_is_taken_and_noted(root: Path) -> None:
    (anat(root, ONE) / f"{ONE}_T1w.nii.gz").unlink()
    (anat(root, ONE) / f"{ONE}_ce-gd_T1w.nii.gz").unlink()
    write_images(root, ONE, "run-10_T1w", "run-2_T1w", "acq-b_run-1_T1w", "ce-gd_run-2_T1w", "acq-a_ce-gd_run-1_T1w")
    assert taken(root) == PLAIN | {"t1": "run-2_T1w", "t1ce": "ce-gd_run-2_T1w"}
    notes = choose_images(Dataset.open(root), Session("01", "1")).case.notes
    assert [note.split(" (")[0] for note in notes] == [
        "T1: run-2_T1w was taken of 3 candidates",
        "T1CE: ce-gd_run-2_T1w was taken of 2 candidates",
    ]
    assert "01_ses" not in "".join(notes)


def test_among_equals_the_first_name_is_taken(root: Path) -> None:
    (anat(root, ONE) / f"{ONE}_FLAIR.nii.gz").unlink()
    write_images(root, ONE, "acq-sag_FLAIR", "acq-ax_FLAIR")
    assert taken(root)["flair"] == "acq-ax_FLAIR"


@pytest.mark.parametrize("name", PLAIN.values())
def test_a_contrast_is_missing(root: Path, name: str) -> None:
    (anat(root, ONE) / f"{ONE}_{name}.nii.gz").unlink()
    (field,) = (each for each, plain in PLAIN.items() if plain == name)
    with pytest.raises(gs.MissingModalityError, match="none among 3 images") as caught:
        taken(root)
    assert caught.value.field == field


def test_a_stray_image_of_another_subject_is_left_alone(root: Path) -> None:
    (anat(root, ONE) / f"{ONE}_T2w.nii.gz").rename(anat(root, ONE) / "sub-02_ses-1_T2w.nii.gz")
    with pytest.raises(gs.MissingModalityError):
        taken(root)


def test_sessions(tmp_path: Path) -> None:
    root = write_dataset(tmp_path / "raw", ["sub-02", "sub-01_ses-b", "sub-01_ses-a"])
    (root / "sub-03").mkdir()
    (root / "sub-04").write_text("no folder")
    (root / "derivatives" / "other" / "sub-09" / "anat").mkdir(parents=True)
    dataset = Dataset.open(root)
    assert dataset.sessions() == (Session("01", "a"), Session("01", "b"), Session("02"))
    assert dataset.sessions(["sub-02"]) == (Session("02"),)
    assert dataset.sessions(["01"], ["ses-b"]) == (Session("01", "b"),)
    assert [each.prefix for each in dataset.sessions()] == ["sub-01_ses-a", "sub-01_ses-b", "sub-02"]


@pytest.mark.parametrize(
    ("participants", "sessions", "field"),
    [(["7"], [], "participant_label"), ([], ["7"], "session_label"), (["02"], ["a"], "session_label")],
)
def test_labels_that_are_not_there(tmp_path: Path, participants: list[str], sessions: list[str], field: str) -> None:
    dataset = Dataset.open(write_dataset(tmp_path / "raw", ["sub-01_ses-a", "sub-02_ses-b"]))
    with pytest.raises(gs.LocalInputError) as caught:
        dataset.sessions(participants, sessions)
    assert caught.value.field == field


@pytest.mark.parametrize(
    "described", [None, "{", "[]", "{}", json.dumps({"BIDSVersion": "1.8.0", "DatasetType": "derivative"})]
)
def test_folders_that_are_no_raw_data_set(tmp_path: Path, described: str | None) -> None:
    if described is not None:
        (tmp_path / "dataset_description.json").write_text(described)
    with pytest.raises(gs.LocalInputError, match="bids_dir: "):
        Dataset.open(tmp_path)


def test_a_data_set_without_images(tmp_path: Path) -> None:
    with pytest.raises(gs.LocalInputError, match="must hold anatomical images"):
        Dataset.open(write_dataset(tmp_path, [])).sessions()
