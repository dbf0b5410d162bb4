"""Values between voxels, and where a picture's pixels lie."""

from __future__ import annotations

import numpy as np
import pytest
from glioserve.render.planes import Plane
from glioserve.render.sampling import (
    moved,
    moved_lines,
    plane_lines,
    plane_positions,
    trilinear,
    trilinear_on_lines,
)
from hypothesis import given
from hypothesis import strategies as st

SHAPE = (4, 5, 6)
VOXELS = np.random.default_rng(0).uniform(0, 200, SHAPE).astype(np.float32)
coefficients = st.floats(-3, 3, allow_nan=False)


@pytest.mark.parametrize("plane", Plane)
def test_a_picture_of_one_pixel_per_voxel_is_the_slice(plane: Plane) -> None:
    for index in (0, SHAPE[plane.axis] - 1):
        size = (SHAPE[plane.column_axis], SHAPE[plane.row_axis])
        picture = trilinear(VOXELS, plane_positions(plane, index, SHAPE, size))
        assert np.allclose(picture, plane.cut(VOXELS, index), rtol=1e-6)


@pytest.mark.parametrize("plane", Plane)
def test_a_larger_picture_shows_each_voxel_at_its_size(plane: Plane) -> None:
    size = (SHAPE[plane.column_axis] * 3, SHAPE[plane.row_axis] * 5)
    positions = plane_positions(plane, 2, SHAPE, size)
    nearest = VOXELS[tuple(np.rint(positions).astype(int))]
    cut = plane.cut(VOXELS, 2)
    assert np.array_equal(nearest, cut.repeat(5, axis=0).repeat(3, axis=1))


@given(
    st.tuples(*[coefficients] * 4), st.lists(st.tuples(st.floats(0, 3), st.floats(0, 4), st.floats(0, 5)), min_size=1)
)
def test_what_is_linear_is_met_exactly(plane: tuple[float, ...], points: list[tuple[float, float, float]]) -> None:
    def value(at: np.ndarray) -> np.ndarray:
        return plane[0] + plane[1] * at[0] + plane[2] * at[1] + plane[3] * at[2]

    positions = np.array(points).T
    assert np.allclose(trilinear(value(np.indices(SHAPE)), positions), value(positions), atol=1e-4)


@pytest.mark.parametrize("axis", range(3))
def test_beyond_the_outermost_voxels_there_is_nothing(axis: int) -> None:
    ones = np.ones(SHAPE, dtype=np.uint8)
    positions = np.full((3, 6), 1.0)
    positions[axis] = [-0.6, -0.5, 0, SHAPE[axis] - 1, SHAPE[axis] - 0.5, SHAPE[axis] - 0.4]
    assert trilinear(ones, positions).tolist() == [0, 1, 1, 1, 1, 0]


def test_one_slice_is_enough() -> None:
    assert trilinear(np.full((3, 3, 1), 7, np.uint8), np.array([[1.0], [1.0], [0.3]])).tolist() == [7]


def test_positions_go_through_an_affine() -> None:
    affine = np.array([[0, 2, 0, 1], [1, 0, 0, -1], [0, 0, 3, 0], [0, 0, 0, 1.0]])
    positions = np.arange(12, dtype=float).reshape(3, 2, 2)
    out = moved(affine, positions)
    assert np.allclose(out[:, 1, 0], affine[:3, :3] @ positions[:, 1, 0] + affine[:3, 3])


@pytest.mark.parametrize("order", ["C", "F", "flipped"])
@pytest.mark.parametrize("plane", Plane)
def test_along_the_axes_the_short_way_shows_the_same(plane: Plane, order: str) -> None:
    voxels = np.array(VOXELS, order="F" if order == "F" else "C")
    voxels = voxels[::-1, ::-1] if order == "flipped" else voxels
    affine = np.diag([0.5, -1.25, 2.0, 1.0])
    affine[:3, 3] = [-0.3, 4.2, -1.0]
    size = (37, 23)
    lines = moved_lines(affine, plane_lines(plane, 1.5, SHAPE, size), reach=SHAPE)
    assert lines is not None
    long = trilinear(voxels, moved(affine, plane_positions(plane, 1.5, SHAPE, size)))
    short = trilinear_on_lines(voxels, lines).squeeze(plane.axis).T
    assert 0 < np.count_nonzero(long) < long.size, "some of it lies outside"
    assert np.allclose(short, long, atol=1e-3)


def test_lines_that_are_turned_are_none() -> None:
    lines = plane_lines(Plane.AXIAL, 0, SHAPE, (3, 3))
    turned = np.eye(4)
    turned[0, 1] = 1e-3
    assert moved_lines(turned, lines, reach=SHAPE) is None
    turned[0, 1] = 1e-6
    assert moved_lines(turned, lines, reach=SHAPE) is not None
