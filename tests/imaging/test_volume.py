"""Voxels on a grid."""

from __future__ import annotations

import numpy as np
import pytest

from imaging.errors import GeometryError
from imaging.geometry import Grid
from imaging.volume import Volume

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def test_a_volume_is_made_from_an_array_and_an_affine():
    volume = Volume.from_affine(np.zeros((2, 3, 4), np.int16), LPS, field="t2")

    assert volume.grid.shape == (2, 3, 4)
    assert volume.grid.field == "t2"


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 4, 2)])
def test_three_axes_are_asked_for(shape):
    with pytest.raises(GeometryError, match="flair: must have 3 axes"):
        Volume.from_affine(np.zeros(shape), LPS, field="flair")


def test_voxels_of_another_shape_than_the_grid_are_refused():
    with pytest.raises(GeometryError, match="voxels must have the grid's shape"):
        Volume(np.zeros((2, 3, 5)), Grid((2, 3, 4), LPS))


def test_canonical_flips_lps_to_ras_as_a_view():
    voxels = np.arange(24).reshape(2, 3, 4)
    canonical = Volume.from_affine(voxels, LPS).canonical()

    assert canonical.grid.axis_codes == "RAS"
    assert np.array_equal(canonical.voxels, voxels[::-1, ::-1])
    assert np.shares_memory(canonical.voxels, voxels)
    assert canonical.grid.affine[:3, 3].tolist() == [-1.0, -2.0, 0.0]


def test_the_same_voxels_are_the_same_in_any_order_of_memory():
    voxels = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    one, other = Volume.from_affine(voxels, LPS), Volume.from_affine(np.asfortranarray(voxels), np.eye(4))
    assert one.shows_same(other)


@pytest.mark.parametrize("index", [(0, 0, 0), (1, 1, 2), (1, 2, 3)])
def test_one_voxel_makes_another_volume(index):
    voxels = np.zeros((2, 3, 4), np.int16)
    changed = voxels.copy()
    changed[index] = 1
    assert not Volume.from_affine(voxels, LPS).shows_same(Volume.from_affine(changed, LPS))


def test_volumes_of_other_shapes_are_others():
    one, other = (Volume.from_affine(np.zeros(shape, np.int16), LPS) for shape in [(2, 3, 4), (2, 3, 5)])
    assert not one.shows_same(other)
