from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.brainmap.maps import BrainMapError
from imaging.brainmap.midplane import MidPlane, to_voxels, to_world
from imaging.geometry import Grid

SHAPE = (40, 48, 36)
GRID = Grid(SHAPE, np.array([[2.0, 0, 0, -43], [0, 2, 0, -50], [0, 0, 2, -31], [0, 0, 0, 1]]))
OBLIQUE = Grid(SHAPE, np.array([[1.9, 0.2, 0, -43], [-0.2, 1.9, 0, -40], [0, 0.1, 3.0, -51], [0, 0, 0, 1]]))


def ellipsoid(centre_mm: np.ndarray, normal: np.ndarray, grid: Grid) -> np.ndarray:
    """Symmetric about the plane through its centre, and about no other one nearby."""
    offsets = to_world(np.indices(SHAPE).reshape(3, -1).T, grid) - centre_mm
    across = offsets @ normal
    others = offsets - across[:, None] * normal
    return ((across / 22) ** 2 + (others[:, 1] / 34) ** 2 + (others[:, 2] / 30) ** 2 < 1).reshape(SHAPE)


@settings(max_examples=20, deadline=None)
@given(st.floats(-4, 4), st.floats(-0.12, 0.12), st.floats(-0.12, 0.12), st.sampled_from([GRID, OBLIQUE]))
def test_a_tilted_plane_is_found(across_mm, yaw, roll, grid):
    middle = to_world(np.array([(SHAPE[0] - 1) / 2, (SHAPE[1] - 1) / 2, (SHAPE[2] - 1) / 2])[None], grid)[0]
    centre = middle + np.array([across_mm, 0, 0])
    normal = np.array([1, yaw, roll]) / np.linalg.norm([1, yaw, roll])
    plane = MidPlane.of_brain(ellipsoid(centre, normal, grid), grid)
    assert abs(plane.right_of(centre[None])[0]) < 0.5
    assert plane.normal @ normal > np.cos(np.deg2rad(1))


def test_a_cut_off_side_does_not_turn_the_plane():
    brain = ellipsoid(np.zeros(3), np.array([1.0, 0, 0]), GRID)
    brain[:14, 30:] = False
    plane = MidPlane.of_brain(brain, GRID)
    assert plane.normal[0] > 0.999
    assert abs(plane.offset_mm) < 1.5


def test_points_are_mirrored_to_the_same_distance_and_back():
    plane = MidPlane(np.array([0.8, 0.6, 0.0]), 3.0)
    points = np.random.default_rng(0).normal(size=(20, 3)) * 50
    mirrored = plane.mirror(points)
    np.testing.assert_allclose(plane.right_of(mirrored), -plane.right_of(points))
    np.testing.assert_allclose(plane.mirror(mirrored), points)
    assert plane.right_of(np.array([[100.0, 0, 0]]))[0] > 0


def test_voxels_to_the_world_and_back():
    voxels = np.random.default_rng(0).uniform(-5, 50, (20, 3))
    np.testing.assert_allclose(to_voxels(to_world(voxels, OBLIQUE), OBLIQUE), voxels)
    np.testing.assert_allclose(to_world(np.array([[1, 2, 3]]), GRID), [[-41, -46, -25]])


def test_an_empty_brain_has_no_plane():
    with pytest.raises(BrainMapError, match="at least one voxel"):
        MidPlane.of_brain(np.zeros(SHAPE, dtype=bool), GRID)
