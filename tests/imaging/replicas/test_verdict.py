from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest

from imaging.errors import ExamError
from imaging.exam import Exam
from imaging.geometry import Grid
from imaging.modality import Modality
from imaging.replicas.align import align_exam, join
from imaging.replicas.index import ReplicaIndex
from imaging.replicas.verdict import judge
from imaging.volume import Volume
from tests.imaging.replicas.slices import volume

PATIENTS, SLICES = 5, 12
OWN = ["0" * 63 + str(number) for number in range(PATIENTS)]


def exam(seed, *, noise=0.0, flip=False, slices=SLICES, contrasts=tuple(Modality)):
    """Four contrasts of a small head."""
    images = np.concatenate([volume(seed, slices=slices), volume(seed + 1000, slices=slices)], axis=1).astype(
        np.float32
    )
    images += np.where(images > 0, np.random.default_rng(1).normal(0, noise, images.shape), 0) if noise else 0
    images = np.where(images > 0, np.maximum(np.rint(images), 1), 0).astype(np.int16)
    if flip:
        images = images[:, :, ::-1]
    grid = Grid((*images.shape[2:], slices), np.eye(4))
    return Exam({each: Volume(np.moveaxis(images[:, row], 0, 2), grid) for row, each in enumerate(contrasts)})


@pytest.fixture(scope="module")
def index():
    training = join([align_exam(exam(seed), patient=f"patient{seed}") for seed in range(PATIENTS)])
    return ReplicaIndex.build(training, {digest: f"patient{seed}" for seed, digest in enumerate(OWN)}, quantile=0.97)


@pytest.mark.parametrize("how", [{}, {"noise": 25.0}, {"flip": True}])
def test_copies_of_unknown_source_are_replicas(index, how):
    verdict = judge(exam(2, **how), index, source_digest=None)
    assert (verdict.slices, verdict.flagged, verdict.near_source) == (SLICES, SLICES, 0)
    assert verdict.is_replica
    assert not verdict.is_near_source


def test_what_was_drawn_from_a_training_patients_map_is_near_it_but_no_replica(index):
    verdict = judge(exam(2), index, source_digest=OWN[2])
    assert verdict.near_source == SLICES
    assert verdict.flagged <= 1
    assert not verdict.is_replica
    assert verdict.is_near_source


def test_a_copy_of_another_patient_is_a_replica_whatever_its_source(index):
    verdict = judge(exam(2), index, source_digest=OWN[3])
    assert verdict.is_replica
    assert verdict.flagged == SLICES
    assert verdict.is_near_source
    assert verdict.near_source <= 1


@pytest.mark.parametrize("source", [None, "f" * 64])
def test_new_patients_are_no_replicas(index, source):
    for seed in range(200, 204):
        verdict = judge(exam(seed), index, source_digest=source)
        assert not verdict.is_replica
        assert not verdict.is_near_source
        assert verdict.flagged <= verdict.limit * verdict.slices


def test_more_slices_than_the_limit_are_needed(index):
    verdict = judge(exam(2), index, source_digest=None)
    assert (verdict.threshold, verdict.limit) == (index.calibration.threshold, index.calibration.limit)
    assert 0 < verdict.limit < 1
    assert verdict.index == index.digest


def test_a_case_without_enough_brain_is_judged_by_nothing(index):
    grid = Grid((24, 24, 4), np.eye(4))
    voxels = np.random.default_rng(3).integers(1, 100, (4, 24, 24, 4)).astype(np.int16)
    tiny = Exam({each: Volume(voxels[row], grid) for row, each in enumerate(Modality)})
    verdict = judge(tiny, index, source_digest=None)
    assert (verdict.slices, verdict.flagged, verdict.is_replica) == (0, 0, False)


def test_it_is_plain_json(index):
    content = asdict(judge(exam(2), index, source_digest=OWN[2]))
    assert json.loads(json.dumps(content)) == content


def test_all_contrasts_are_needed(index):
    with pytest.raises(ExamError):
        judge(exam(2, contrasts=(Modality.T1, Modality.T2)), index, source_digest=None)
