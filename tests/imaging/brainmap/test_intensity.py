from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.brainmap.intensity import to_unit_range
from imaging.errors import ExamError


def volume(seed: int = 0) -> np.ndarray:
    voxels = np.zeros((12, 12, 12), dtype=np.int16)
    voxels[1:11, 1:11, 1:11] = np.random.default_rng(seed).integers(1, 1000, (10, 10, 10))
    return voxels


def test_the_white_point_is_the_percentile_not_the_maximum():
    voxels = volume()
    voxels[5, 5, 5] = 30000
    unit = to_unit_range(voxels, voxels != 0)
    white = np.percentile(voxels[voxels != 0], 99.9)
    assert unit.dtype == np.float32
    assert unit[5, 5, 5] == 1.0
    np.testing.assert_allclose(unit[2, 3, 4], voxels[2, 3, 4] / white, rtol=1e-6)


@given(st.integers(0, 100), st.floats(0.01, 100))
def test_gain_does_not_matter(seed, gain):
    voxels = volume(seed)
    np.testing.assert_allclose(
        to_unit_range(voxels * gain, voxels != 0), to_unit_range(voxels, voxels != 0), rtol=1e-5, atol=1e-6
    )


def test_outside_the_brain_is_zero_and_negative_values_are_dark():
    voxels = volume()
    brain = voxels != 0
    voxels[0, 0, 0], voxels[5, 5, 5] = 500, -500
    unit = to_unit_range(voxels, brain)
    assert not unit[~brain].any()
    assert unit[5, 5, 5] == 0.0
    assert unit.max() <= 1.0


@pytest.mark.parametrize("brain", [np.ones((3, 3, 3), dtype=bool), np.zeros((3, 3, 3), dtype=bool)])
def test_a_contrast_that_shows_nothing_is_refused_by_name(brain):
    with pytest.raises(ExamError, match="t2: must be positive inside the brain"):
        to_unit_range(np.zeros((3, 3, 3)), brain, field="t2")
