"""Grids, their distances, and reorientation that loses nothing."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from imaging.errors import GeometryError
from imaging.geometry import Grid

SHAPE = (3, 4, 5)
ORIENTATIONS = [
    (order, signs) for order in permutations(range(3)) for signs in product((1.0, -1.0), repeat=3)
]  # all 48 signed permutations of the axes


def axis_affine(order, signs, *, spacing=(1.0, 1.5, 2.5), origin=(-10.0, 20.0, 7.5)):
    """Voxel axis n runs along world axis order[n], backwards where its sign is -1."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    for axis, (world, sign) in enumerate(zip(order, signs, strict=True)):
        affine[world, axis] = sign * spacing[axis]
    affine[:3, 3] = origin
    return affine


def world_of(affine, index):
    return (affine @ [*index, 1.0])[:3]


@pytest.mark.parametrize(("order", "signs"), ORIENTATIONS)
def test_each_of_48_orientations_goes_to_ras_and_back_exactly(order, signs):
    grid = Grid(SHAPE, axis_affine(order, signs))
    array = np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE)
    reorientation = grid.reorientation
    canonical = reorientation.apply(array)

    assert reorientation.target.axis_codes == "RAS"
    assert canonical.shape == reorientation.target.shape
    assert np.array_equal(reorientation.undo(canonical), array)
    assert canonical.dtype == array.dtype


@given(
    orientation=st.sampled_from(ORIENTATIONS),
    shape=st.tuples(*[st.integers(1, 6)] * 3),
    spacing=st.tuples(*[st.floats(0.125, 10, width=32)] * 3),
    degrees=st.tuples(*[st.floats(-20, 20)] * 3),
    seed=st.integers(0, 2**16),
)
@settings(deadline=None, max_examples=60)
def test_reorientation_keeps_each_voxel_at_its_place_in_the_world(orientation, shape, spacing, degrees, seed):
    """Oblique affines too: the same value lies at the same millimetres before and after."""
    affine = axis_affine(*orientation, spacing=spacing)
    affine[:3, :3] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix() @ affine[:3, :3]
    grid = Grid(shape, affine)
    array = np.random.default_rng(seed).permutation(np.prod(shape)).reshape(shape)
    canonical = grid.reorientation.apply(array)

    for value in array.ravel()[:5]:
        before = world_of(grid.affine, np.argwhere(array == value)[0])
        after = world_of(grid.reorientation.target.affine, np.argwhere(canonical == value)[0])
        assert np.allclose(before, after, atol=1e-9)
    assert np.array_equal(grid.reorientation.undo(canonical), array)


def test_ras_is_left_alone_without_a_copy():
    grid = Grid(SHAPE, np.eye(4))
    array = np.zeros(SHAPE)

    assert np.shares_memory(grid.reorientation.apply(array), array)
    assert np.array_equal(grid.reorientation.target.affine, np.eye(4))


@pytest.mark.parametrize("method", ["apply", "undo"])
def test_an_array_of_another_shape_is_refused(method):
    reorientation = Grid(SHAPE, axis_affine((2, 0, 1), (1, -1, 1))).reorientation

    with pytest.raises(GeometryError, match="must have the grid's shape"):
        getattr(reorientation, method)(np.zeros((2, 2, 2)))


def test_spacing_volume_and_axis_codes_of_an_lps_grid():
    grid = Grid((240, 240, 155), axis_affine((0, 1, 2), (-1, -1, 1), spacing=(1.0, 2.0, 3.0)))

    assert grid.spacing_mm == (1.0, 2.0, 3.0)
    assert grid.voxel_volume_ml == pytest.approx(0.006)
    assert grid.axis_codes == "LPS"


def test_the_volume_of_a_sheared_voxel_is_the_determinant():
    affine = np.eye(4)
    affine[0, 1] = 0.5

    assert Grid(SHAPE, affine).voxel_volume_ml == pytest.approx(0.001)


@pytest.mark.parametrize(
    ("shape", "affine", "rule"),
    [
        ((3, 4), np.eye(4), "3 axes"),
        ((3, 4, 0), np.eye(4), "at least 1 voxel"),
        (SHAPE, np.eye(3), "4 x 4"),
        (SHAPE, np.diag([1, np.nan, 1, 1]), "finite"),
        (SHAPE, np.diag([1, np.inf, 1, 1]), "finite"),
        (SHAPE, np.diag([1, 1, 1, 2]), "last row"),
        (SHAPE, np.diag([1, 0, 1, 1]), "invertible"),
        (SHAPE, np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), "invertible"),
        (SHAPE, np.diag([1e-120, 1e-120, 1e-120, 1]), "spacing must be"),
        (SHAPE, np.diag([1e200, 1e200, 1e200, 1]), "spacing must be"),
        (SHAPE, np.diag([1, 1, 1e4, 1]), "spacing must be"),
    ],
)
def test_impossible_grids_are_refused(shape, affine, rule):
    with pytest.raises(GeometryError, match=rule) as caught:
        Grid(shape, affine, "t1ce")

    assert caught.value.field == "t1ce"


@pytest.mark.parametrize("spacing", [0.01, 0.5, 100.0])
def test_invertibility_does_not_depend_on_the_voxel_size(spacing):
    assert Grid(SHAPE, np.diag([spacing, spacing, spacing, 1])).spacing_mm == pytest.approx((spacing,) * 3)


def test_the_affine_is_copied_and_can_not_be_written():
    affine = np.eye(4)
    grid = Grid(SHAPE, affine)
    affine[0, 3] = 5

    assert grid.affine[0, 3] == 0
    with pytest.raises(ValueError, match="read-only"):
        grid.affine[0, 3] = 1


def test_grids_match_within_a_hundredth_of_a_millimetre_at_every_corner():
    grid = Grid((101, 4, 5), np.eye(4))
    stretched = np.diag([1.0001, 1, 1, 1])
    shifted = np.eye(4)
    shifted[1, 3] = 0.02

    assert grid.matches(Grid((101, 4, 5), stretched))
    assert grid.distance_mm(Grid((101, 4, 5), stretched)) == pytest.approx(0.01)
    assert not Grid((201, 4, 5), np.eye(4)).matches(Grid((201, 4, 5), stretched)), "0.02 mm at the far corner"
    assert not grid.matches(Grid((101, 4, 5), shifted))
    assert grid.matches(Grid((101, 4, 5), shifted), tolerance_mm=0.03)


def test_grids_of_unlike_shapes_never_match_and_have_no_distance():
    grid, other = Grid((3, 4, 5), np.eye(4)), Grid((3, 4, 6), np.eye(4), "reference")

    assert not grid.matches(other)
    with pytest.raises(GeometryError, match="reference"):
        grid.distance_mm(other)
