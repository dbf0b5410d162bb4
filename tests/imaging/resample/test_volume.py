import numpy as np
import pytest

from imaging.geometry import Grid
from imaging.registration.motion import RigidMotion
from imaging.resample.volume import Interpolation, resample
from imaging.volume import Volume


def plane(world):
    """A plane in the world: linear interpolation restores it exactly."""
    return 100.0 + 2.0 * world[0] - 3.0 * world[1] + 0.5 * world[2]


def world_of(grid):
    index = np.stack(np.meshgrid(*[np.arange(extent) for extent in grid.shape], indexing="ij")).reshape(3, -1)
    return (grid.affine[:3, :3] @ index + grid.affine[:3, 3:]).reshape(3, *grid.shape)


SOURCE = Grid((30, 32, 12), np.array([[-1, 0, 0, 15], [0, 0.9, 0, -14], [0, 0, 3.0, -18], [0, 0, 0, 1.0]]))
INNER = Grid((12, 12, 12), np.array([[1, 0, 0, -6], [0, 1, 0, -6], [0, 0, 1, -6], [0, 0, 0, 1.0]]))


@pytest.mark.parametrize(("interpolation", "near"), [(Interpolation.LINEAR, 0.1), (Interpolation.BSPLINE, 0.5)])
def test_values_are_those_of_the_place_in_the_world(interpolation, near):
    found = resample(Volume(plane(world_of(SOURCE)), SOURCE), INNER, interpolation=interpolation)
    assert found.voxels.dtype == np.float32
    assert found.grid is INNER
    np.testing.assert_allclose(found.voxels, plane(world_of(INNER)), atol=near)


def test_a_motion_takes_the_new_grids_world_to_the_volumes():
    motion = RigidMotion.about((0, 0, 0), rotation_deg=(0, 0, 10), shift_mm=(1.5, -2.0, 0.5))
    found = resample(Volume(plane(world_of(SOURCE)), SOURCE), INNER, motion=motion)
    world = world_of(INNER).reshape(3, -1)
    moved = motion.matrix[:3, :3] @ world + motion.matrix[:3, 3:]
    np.testing.assert_allclose(found.voxels, plane(moved.reshape(3, *INNER.shape)), atol=0.1)


def test_outside_the_field_of_view_is_zero():
    far = Grid((3, 3, 3), np.array([[1, 0, 0, 500], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]))
    assert not resample(Volume(plane(world_of(SOURCE)), SOURCE), far).voxels.any()


def test_nearest_invents_no_values():
    labels = np.random.default_rng(1).choice([0, 3, 7], SOURCE.shape).astype(np.uint8)
    found = resample(Volume(labels, SOURCE), INNER, interpolation=Interpolation.NEAREST)
    assert set(np.unique(found.voxels)) <= {0.0, 3.0, 7.0}


def test_fine_detail_is_averaged_where_the_new_voxels_are_larger():
    """A pattern of alternating voxels must become its mean, not a pattern of another width."""
    fine = Grid((80, 20, 20), np.diag([0.25, 1, 1, 1.0]))
    pattern = np.where(np.arange(80) % 2, 200.0, 0.0)[:, None, None] * np.ones((1, 20, 20))
    coarse = Grid((14, 10, 10), np.array([[1, 0, 0, 3.125], [0, 1, 0, 4], [0, 0, 1, 4], [0, 0, 0, 1.0]]))
    found = resample(Volume(pattern, fine), coarse).voxels
    np.testing.assert_allclose(found, 100.0, atol=6.0)
