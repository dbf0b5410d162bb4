"""Named modalities on one grid."""

from __future__ import annotations

import numpy as np
import pytest

from imaging.errors import ExamError, GeometryError
from imaging.exam import Exam
from imaging.modality import Modality
from imaging.volume import Volume

SHAPE = (4, 5, 6)


def volume(seed: int, *, affine=None, shape=SHAPE) -> Volume:
    voxels = np.random.default_rng(seed).integers(0, 100, shape, dtype=np.int16)
    return Volume.from_affine(voxels, np.eye(4) if affine is None else affine)


def test_modalities_are_kept_in_their_fixed_order_whatever_order_they_came_in():
    exam = Exam({modality: volume(seed) for seed, modality in enumerate(reversed(Modality))})

    assert list(exam.volumes) == list(Modality)
    assert exam.grid.shape == SHAPE


def test_one_modality_is_an_exam_and_none_is_not():
    assert list(Exam({Modality.FLAIR: volume(0)}).volumes) == [Modality.FLAIR]
    with pytest.raises(ExamError, match="at least one modality"):
        Exam({})


def test_an_unknown_modality_is_refused_rather_than_dropped():
    with pytest.raises(ExamError, match="also adc"):
        Exam({Modality.T1: volume(0), "adc": volume(1)})


def test_the_volumes_can_not_be_exchanged_afterwards():
    given = {Modality.T1: volume(0)}
    exam = Exam(given)
    given[Modality.T2] = volume(1)

    assert list(exam.volumes) == [Modality.T1]
    with pytest.raises(TypeError):
        exam.volumes[Modality.T2] = volume(1)


def test_one_file_under_two_names_is_refused():
    with pytest.raises(ExamError, match="the same voxels under both names") as caught:
        Exam({Modality.T1: volume(0), Modality.T2: volume(1), Modality.FLAIR: volume(1)})

    assert caught.value.field == "flair"
    assert "t2" in caught.value.rule


def test_the_same_values_in_another_type_are_still_the_same_file():
    one = volume(0)
    with pytest.raises(ExamError):
        Exam({Modality.T1: one, Modality.T1CE: Volume(one.voxels.astype(np.float32), one.grid)})


def test_another_shape_is_refused_and_both_are_told():
    with pytest.raises(GeometryError) as caught:
        Exam({Modality.T1: volume(0), Modality.T2: volume(1, shape=(4, 5, 7))})

    assert caught.value.field == "t2"
    assert "(4, 5, 6)" in caught.value.rule
    assert "(4, 5, 7)" in caught.value.got


def test_another_origin_is_refused_and_its_distance_told():
    shifted = np.eye(4)
    shifted[:3, 3] = (3, 4, 0)
    with pytest.raises(GeometryError, match="up to 5 mm away"):
        Exam({Modality.T1: volume(0), Modality.T2: volume(1, affine=shifted)})


def test_rounding_of_an_affine_is_no_other_grid():
    rounded = np.eye(4)
    rounded[:3, 3] = 1e-4

    assert len(Exam({Modality.T1: volume(0), Modality.T2: volume(1, affine=rounded)}).volumes) == 2


def test_require_names_all_that_is_missing():
    exam = Exam({Modality.T1: volume(0), Modality.FLAIR: volume(1)})

    exam.require(Modality.T1, Modality.FLAIR)
    with pytest.raises(ExamError, match=r"missing: t1ce, t2, got only t1, flair"):
        exam.require(*Modality)
