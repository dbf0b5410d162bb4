import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.errors import ExamError
from imaging.modality import Modality
from imaging.preprocess.normalise import Z_LIMIT, find_brain, z_score


def volume(seed, *, coverage=1.0):
    rng = np.random.default_rng(seed)
    voxels = np.zeros((12, 12, 12), dtype=np.int16)
    voxels[2:10, 2:10, 2:10] = rng.integers(50, 200, (8, 8, 8))
    voxels[:, :, int(12 * coverage) :] = 0
    return voxels


def test_brain_is_where_any_modality_shows_something():
    whole, part = volume(1), volume(2, coverage=0.5)
    brain = find_brain({Modality.T1: part, Modality.FLAIR: whole})
    np.testing.assert_array_equal(brain, whole != 0)


def test_no_brain_is_refused():
    with pytest.raises(ExamError, match="must hold a brain"):
        find_brain({Modality.T1: np.zeros((3, 3, 3))})


@given(st.integers(0, 1000), st.floats(0.1, 50), st.floats(0, 500))
def test_scores_do_not_depend_on_scale_and_offset(seed, gain, offset):
    voxels = volume(seed)
    brain = voxels != 0
    changed = np.where(brain, voxels * gain + offset, 0)
    np.testing.assert_allclose(z_score(changed, brain), z_score(voxels, brain), atol=2e-3)


def test_scores_have_mean_zero_and_deviation_one_inside_and_are_zero_outside():
    voxels = volume(3)
    brain = voxels != 0
    scores = z_score(voxels, brain)
    assert scores.dtype == np.float32
    assert abs(scores[brain].mean()) < 1e-5
    assert abs(scores[brain].std() - 1) < 1e-5
    assert not scores[~brain].any()


def test_a_part_that_is_not_covered_does_not_change_the_rest():
    whole, part = volume(4), volume(4, coverage=0.5)
    brain = whole != 0
    covered = part != 0
    np.testing.assert_allclose(z_score(part, brain)[covered], z_score(part, covered)[covered])
    assert (z_score(part, brain)[brain & ~covered] < -1).all()


def test_outliers_are_clipped():
    voxels = volume(5)
    voxels[5, 5, 5] = 32000
    assert z_score(voxels, voxels != 0).max() == Z_LIMIT


def test_a_constant_modality_is_refused_by_name():
    brain = np.ones((3, 3, 3), dtype=bool)
    with pytest.raises(ExamError, match="t2: must vary"):
        z_score(np.full((3, 3, 3), 7), brain, field="t2")
    with pytest.raises(ExamError, match="must vary"):
        z_score(np.zeros((3, 3, 3)), brain)
