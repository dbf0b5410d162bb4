import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.geometry import Grid
from imaging.regions import Region
from imaging.registration.motion import RigidMotion
from imaging.resample.masks import resample_mask, resample_masks

FINE = Grid((60, 60, 60), np.diag([1.0, 1, 1, 1]))
THICK = Grid((66, 66, 11), np.array([[-0.9, 0, 0, 59], [0, 0.9, 0, 0.2], [0, 0, 5.5, 2.1], [0, 0, 0, 1.0]]))


def ball(grid, centre, radius):
    index = np.stack(np.meshgrid(*[np.arange(extent) for extent in grid.shape], indexing="ij")).reshape(3, -1)
    world = grid.affine[:3, :3] @ index + grid.affine[:3, 3:]
    return (np.linalg.norm(world - np.array(centre)[:, None], axis=0) <= radius).reshape(grid.shape)


def volume_ml(mask, grid):
    return np.count_nonzero(mask) * grid.voxel_volume_ml


def dsc(one, other):
    return 2 * np.count_nonzero(one & other) / (np.count_nonzero(one) + np.count_nonzero(other))


@given(
    centre=st.tuples(*[st.floats(22.0, 38.0)] * 3),
    radius=st.floats(3.0, 15.0),
)
@settings(deadline=None, max_examples=25)
def test_thick_slices_keep_the_volume(centre, radius):
    mask = ball(FINE, centre, radius)
    there = resample_mask(mask, FINE, THICK)
    assert volume_ml(there, THICK) == pytest.approx(volume_ml(mask, FINE), rel=0.01, abs=0.01)


def test_a_ball_stays_where_it_is():
    there = resample_mask(ball(FINE, (30, 28, 31), 14), FINE, THICK)
    assert dsc(there, ball(THICK, (30, 28, 31), 14)) > 0.93


def test_there_and_back():
    mask = ball(FINE, (30, 28, 31), 14)
    motion = RigidMotion.about((30, 30, 30), rotation_deg=(4, -8, 12), shift_mm=(2.2, -1.3, 0.4))
    there = resample_mask(mask, FINE, FINE, motion=motion)
    back = resample_mask(there, FINE, FINE, motion=motion.inverse())
    assert dsc(back, mask) > 0.98
    assert dsc(there, mask) < 0.95


def test_the_same_grid_changes_nothing():
    mask = np.random.default_rng(3).random(FINE.shape) < 0.02
    np.testing.assert_array_equal(resample_mask(mask, FINE, FINE), mask)


def test_a_lesion_thinner_than_half_a_slice_is_kept():
    mask = ball(FINE, (30, 30, 30.0), 1.0)
    there = resample_mask(mask, FINE, THICK)
    assert 1 <= np.count_nonzero(there) <= 3
    assert volume_ml(there, THICK) < 3 * volume_ml(mask, FINE)


def test_what_lies_outside_the_new_field_of_view_is_not_made_up_for():
    half = Grid((60, 60, 30), np.diag([1.0, 1, 1, 1]))
    mask = ball(FINE, (30, 30, 29.5), 10)
    there = resample_mask(mask, FINE, half)
    np.testing.assert_array_equal(there, mask[:, :, :30])
    assert not resample_mask(ball(FINE, (30, 30, 50), 5), FINE, half).any()


def test_nothing_stays_nothing():
    assert not resample_mask(np.zeros(FINE.shape, bool), FINE, THICK).any()


@given(seed=st.integers(0, 2**16))
@settings(deadline=None, max_examples=15)
def test_regions_stay_nested(seed):
    rng = np.random.default_rng(seed)
    whole = ball(FINE, rng.uniform(25, 35, 3), rng.uniform(6, 12))
    core = whole & (rng.random(FINE.shape) < 0.6)
    enhancing = core & (rng.random(FINE.shape) < 0.5)
    motion = RigidMotion.about((30, 30, 30), rotation_deg=rng.uniform(-9, 9, 3), shift_mm=rng.uniform(-3, 3, 3))
    masks = {Region.WT: whole, Region.TC: core, Region.ET: enhancing}
    there = resample_masks(masks, FINE, THICK, motion=motion)
    assert not (there[Region.ET] & ~there[Region.TC]).any()
    assert not (there[Region.TC] & ~there[Region.WT]).any()
    assert there[Region.ET].any()
