import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from imaging.geometry import Grid
from imaging.resample.grid import isotropic_grid


def grid(shape, spacing, rotation_deg=(0, 0, 0), origin=(0.0, 0.0, 0.0)):
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_rotvec(rotation_deg, degrees=True).as_matrix() * np.array(spacing)
    affine[:3, 3] = origin
    return Grid(shape, affine)


def corners(of):
    ends = np.array(of.shape) - 0.5
    edges = np.array(np.meshgrid(*[(-0.5, end) for end in ends], indexing="ij")).reshape(3, -1)
    return of.affine[:3, :3] @ edges + of.affine[:3, 3:]


def test_thick_slices_become_voxels_of_1_mm_in_the_same_place():
    new = isotropic_grid(grid((10, 20, 4), (0.5, 0.5, 5.0), origin=(3.0, -7.0, 11.0)))
    assert new.shape == (5, 10, 20)
    np.testing.assert_allclose(corners(new), corners(grid((10, 20, 4), (0.5, 0.5, 5.0), origin=(3.0, -7.0, 11.0))))


def test_a_grid_of_1_mm_stays_what_it_is():
    same = grid((7, 8, 9), (1, 1, 1), origin=(0.3, 0.2, 0.1))
    assert isotropic_grid(same).matches(same)


@given(
    shape=st.tuples(*[st.integers(1, 40)] * 3),
    spacing=st.tuples(*[st.floats(0.3, 6.0)] * 3),
    rotation=st.tuples(*[st.floats(-180.0, 180.0)] * 3),
    origin=st.tuples(*[st.floats(-200.0, 200.0)] * 3),
)
def test_it_lies_along_the_world_and_covers_all_and_not_much_more(shape, spacing, rotation, origin):
    old = grid(shape, spacing, rotation, origin)
    new = isotropic_grid(old)
    np.testing.assert_array_equal(new.affine[:3, :3], np.eye(3))
    world = corners(old)
    low, high = corners(new).min(axis=1), corners(new).max(axis=1)
    assert (low <= world.min(axis=1) + 2e-3).all()
    assert (high >= world.max(axis=1) - 2e-3).all()
    assert (high - low <= np.ptp(world, axis=1) + 2.0 + 1e-6).all()
    middle = np.abs(low + high - world.min(axis=1) - world.max(axis=1)) / 2
    assert (middle <= 0.5 + 1e-6).all()


@given(
    rotation=st.tuples(st.floats(1.0, 40.0), st.floats(-40.0, 40.0), st.floats(-40.0, 40.0)),
    origin=st.tuples(*[st.floats(-200.0, 200.0)] * 3),
)
def test_an_oblique_grid_is_seen_at_whole_millimetres(rotation, origin):
    new = isotropic_grid(grid((20, 21, 22), (1, 1, 1), rotation, origin))
    np.testing.assert_array_equal(new.affine[:3, 3], np.round(new.affine[:3, 3]))


@given(shape=st.tuples(*[st.integers(1, 40)] * 3), origin=st.tuples(*[st.floats(-200.0, 200.0)] * 3))
def test_the_middle_of_a_grid_along_the_world_stays_where_it_is(shape, origin):
    old = grid(shape, (0.5, 0.9, 5.0), origin=origin)
    ends = [np.array([of.min(axis=1), of.max(axis=1)]) for of in (corners(old), corners(isotropic_grid(old)))]
    np.testing.assert_allclose(ends[0].sum(axis=0), ends[1].sum(axis=0), atol=1e-6)


@pytest.mark.parametrize("codes", [np.diag([-1, -1, 1]), np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]])])
def test_the_order_of_axes_does_not_matter(codes):
    affine = np.eye(4)
    affine[:3, :3] = codes * 2.0
    new = isotropic_grid(Grid((4, 5, 6), affine))
    assert new.axis_codes == "RAS"
    assert new.shape == tuple(2 * np.abs(codes) @ [4, 5, 6])
