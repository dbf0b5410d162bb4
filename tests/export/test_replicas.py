"""The index of a generator's training patients, from data that are found to be its own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from export import cli
from export.errors import DataError, FactsError, RepositoryError
from export.replica_trial import COPIES
from export.replicas import INDEX_FILE, REPORT_FILE, build_index, data_digest
from imaging.brainmap.apply import mirror
from imaging.brainmap.maps import BrainMap
from imaging.brainmap.store import digest_map
from imaging.brats import find_cases, load_exam, load_reference
from imaging.modality import Modality
from imaging.nifti import write_nifti_file
from imaging.replicas.index import ReplicaIndex
from imaging.replicas.verdict import judge
from imaging.volume import Volume
from tests.imaging.replicas.slices import volume
from training.dataset import open_dataset

TRAIN, UNSEEN, SLICES = 6, 2, 12


def write_case(folder: Path, number: int) -> None:
    name = f"BraTS2021_{number:05d}"
    images = np.concatenate([volume(number, slices=SLICES), volume(number + 500, slices=SLICES)], axis=1)
    labels = np.zeros((*images.shape[2:], SLICES), np.uint8)
    labels[20:30, 24:32, 3:8], labels[22:26, 26:30, 4:7] = 2, 4
    for row, modality in enumerate(Modality):
        voxels = np.moveaxis(images[:, row], 0, 2).astype(np.int16)
        write_nifti_file(folder / name / f"{name}_{modality.value}.nii.gz", Volume.from_affine(voxels, np.eye(4)))
    write_nifti_file(folder / name / f"{name}_seg.nii.gz", Volume.from_affine(labels, np.eye(4)))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for number in range(TRAIN + UNSEEN):
        (folder / f"BraTS2021_{number:05d}").mkdir()
        write_case(folder, number)
    return folder


def write_provenance(model: Path, data: Path) -> Path:
    """A generator's folder: of what it holds, only the provenance is looked at."""
    patients = [case.patient_id for case in find_cases(data)]
    provenance = {
        "split": {"train": patients[:TRAIN], "validation": patients[TRAIN:]},
        "fingerprint": {"digest": data_digest(find_cases(data))},
    }
    (model / "provenance.json").write_text(json.dumps(provenance))
    return model


@pytest.fixture
def model(data: Path, tmp_path: Path) -> Path:
    return write_provenance(tmp_path, data)


@dataclass(frozen=True)
class Built:
    """A generator's folder with an index that the command line put there, and what it said."""

    model: Path
    output: str

    @property
    def index(self) -> ReplicaIndex:
        return ReplicaIndex.load(self.model / INDEX_FILE)

    @property
    def contents(self) -> list[bytes]:
        return [(self.model / name).read_bytes() for name in (INDEX_FILE, REPORT_FILE)]


@pytest.fixture(scope="module")
def built(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    model = write_provenance(tmp_path_factory.mktemp("model"), data)
    done = CliRunner().invoke(cli.app, ["replicas", "--data", str(data), "--model", str(model)], catch_exceptions=False)
    assert done.exit_code == 0
    return Built(model, done.output)


def test_the_index_is_of_the_training_patients_and_tells_what_it_is_worth(built: Built) -> None:
    index = built.index
    assert index.patient_count == TRAIN
    assert len(index.hashes) == TRAIN * SLICES
    report = json.loads((built.model / REPORT_FILE).read_text())
    assert report["index_sha256"] == index.digest
    assert report["calibration"]["threshold"] == index.calibration.threshold
    assert set(report["trials"]) == {"unseen", *COPIES}
    assert (report["trials"]["unseen"]["cases"], report["trials"]["unseen"]["replicas"]) == (UNSEEN, 0)
    for kind in COPIES:
        assert report["trials"][kind]["cases"] == report["trials"][kind]["replicas"] == TRAIN, kind
    assert "unseen: 0 of 2 called replicas" in built.output
    assert not [path for path in built.model.iterdir() if path.suffix == ".partial"]


def test_cases_drawn_from_a_training_patients_map_are_known_by_it(data: Path, built: Built) -> None:
    index = built.index
    found = find_cases(data)
    own = BrainMap.of_exam(load_exam(found[1]), load_reference(found[1]))
    for brain_map in (own, mirror(own)):
        verdict = judge(load_exam(found[1]), index, source_digest=digest_map(brain_map))
        assert verdict.is_near_source
        assert verdict.near_source == SLICES
        assert not verdict.is_replica
    unseen = BrainMap.of_exam(load_exam(found[-1]), load_reference(found[-1]))
    assert digest_map(unseen) not in index.sources
    assert len(index.sources) == 2 * TRAIN


def test_twice_gives_the_same_bytes(data: Path, model: Path, built: Built) -> None:
    build_index(data, model)
    assert Built(model, "").contents == built.contents


def test_names_of_patients_are_not_in_the_files(data: Path, built: Built) -> None:
    content = b"".join(built.contents)
    assert not [case.case_id for case in find_cases(data) if case.patient_id.encode() in content]


def test_the_digest_is_that_of_a_training_run(data: Path, tmp_path: Path) -> None:
    assert data_digest(find_cases(data)) == open_dataset(data, tmp_path / "cache", seed=1).fingerprint.digest


def test_other_data_are_refused_and_nothing_is_written(data: Path, model: Path, tmp_path: Path) -> None:
    fewer = tmp_path / "fewer"
    fewer.mkdir()
    for case in find_cases(data)[:-1]:
        (fewer / case.case_id).symlink_to(case.folder)
    with pytest.raises(DataError, match=r"data: must be those that the generator learned from"):
        build_index(fewer, model)
    assert not (model / INDEX_FILE).exists()


def test_an_index_that_is_too_large_is_refused(data: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("export.replicas.MAX_INDEX_BYTES", 1000)
    with pytest.raises(RepositoryError, match=r"must give an index of at most 1000 bytes"):
        build_index(data, model)
    assert not (model / INDEX_FILE).exists()


@pytest.mark.parametrize(
    "content", [None, "{", "[]", '{"split": {"train": ["a"]}}', '{"split": {}, "fingerprint": {}}']
)
def test_a_folder_without_a_generators_provenance_is_refused(data: Path, tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "provenance.json").write_text(content)
    with pytest.raises(FactsError, match=r"provenance: must be a generator's"):
        build_index(data, tmp_path)
