"""The index in the model repository: what it holds, and what it says of the patients that it was made from."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest

from export.replica_trial import COPIES
from export.replicas import INDEX_FILE, MAX_INDEX_BYTES, REPORT_FILE
from imaging.brainmap.apply import mirror
from imaging.brainmap.maps import BrainMap
from imaging.brainmap.store import digest_map
from imaging.brats import find_cases, load_exam, load_reference
from imaging.replicas.index import ReplicaIndex
from imaging.replicas.verdict import judge

MODEL = Path(__file__).parents[2] / "models" / "generator_joint"
PROVENANCE = json.loads((MODEL / "provenance.json").read_text())
REPORT = json.loads((MODEL / REPORT_FILE).read_text())


@pytest.fixture(scope="module")
def index() -> ReplicaIndex:
    return ReplicaIndex.load(MODEL / INDEX_FILE)


def test_it_is_of_all_training_patients(index: ReplicaIndex) -> None:
    assert index.patient_count == REPORT["patients"] == len(PROVENANCE["split"]["train"])
    assert sorted(index.sources.values()) == sorted(2 * list(range(index.patient_count)))


def test_its_report_is_of_this_index(index: ReplicaIndex) -> None:
    assert REPORT["index_sha256"] == index.digest == hashlib.sha256((MODEL / INDEX_FILE).read_bytes()).hexdigest()
    assert REPORT["calibration"] == asdict(index.calibration)
    assert (MODEL / INDEX_FILE).stat().st_size <= MAX_INDEX_BYTES


def test_it_tells_patients_from_copies() -> None:
    trials = REPORT["trials"]
    assert trials["unseen"] | {"cases": 6, "replicas": 0} == trials["unseen"]
    copies = {kind: trials[kind]["replicas"] for kind in COPIES}
    assert {trials[kind]["cases"] for kind in COPIES} == {24}
    # Alignment undoes all changes but the last one.
    turned = copies.pop("training, turned by 5 degrees")
    assert set(copies.values()) == {24}
    assert turned == 22


def test_it_names_nobody() -> None:
    content = (MODEL / INDEX_FILE).read_bytes() + (MODEL / REPORT_FILE).read_bytes()
    assert not [patient for side in PROVENANCE["split"].values() for patient in side if patient.encode() in content]


@pytest.mark.patients
@pytest.mark.skipif("GLIOSERVE_BRATS_DIR" not in os.environ, reason="GLIOSERVE_BRATS_DIR is not set")
def test_real_patients_are_judged_as_reported(index: ReplicaIndex) -> None:
    cases = {case.patient_id: case for case in find_cases(Path(os.environ["GLIOSERVE_BRATS_DIR"]))}
    trained, unseen = (cases[PROVENANCE["split"][side][0]] for side in ("train", "validation"))
    exam = load_exam(trained)
    brain_map = BrainMap.of_exam(exam, load_reference(trained))
    assert judge(exam, index, source_digest=None).is_replica
    for source in (brain_map, mirror(brain_map)):
        verdict = judge(exam, index, source_digest=digest_map(source))
        assert verdict.is_near_source
        assert not verdict.is_replica
    assert not judge(load_exam(unseen), index, source_digest=None).is_replica
