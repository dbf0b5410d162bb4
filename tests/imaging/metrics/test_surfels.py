from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from surface_distance import lookup_tables

from imaging.metrics.surfels import CODE_INSIDE, encode_corners, surfel_areas_mm2
from tests.imaging.metrics.masks import box, spacings_mm


@settings(deadline=None, max_examples=20)
@given(spacing_mm=spacings_mm)
def test_areas_of_all_codes_are_surface_distances(spacing_mm):
    theirs = lookup_tables.create_table_neighbour_code_to_surface_area(spacing_mm)
    # Their codes count the 8 voxels from the other end.
    mirrored = [int(f"{code:08b}"[::-1], 2) for code in range(256)]
    assert surfel_areas_mm2(spacing_mm) == pytest.approx(theirs[mirrored], rel=1e-12)


def test_areas_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        surfel_areas_mm2((1.0, 1.0, 1.0))[0] = 1.0


@pytest.mark.parametrize("size", [(4, 5, 6), (10, 3, 3)])
def test_faces_of_a_box_have_their_area(size):
    spacing_mm = (1.0, 2.0, 3.0)
    codes = encode_corners(box((14, 9, 9), (2, 2, 2), size))
    # A corner within a face along I has its four voxels on one side: as many of them as the face's inner corners.
    flat = codes == 0b11110000
    assert surfel_areas_mm2(spacing_mm)[codes[flat]].sum() == pytest.approx(
        (size[1] - 1) * spacing_mm[1] * (size[2] - 1) * spacing_mm[2]
    )


def test_codes_of_a_single_voxel():
    codes = encode_corners(np.ones((1, 1, 1), bool))
    assert sorted(codes.ravel().tolist()) == [1, 2, 4, 8, 16, 32, 64, 128]


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_codes_count_voxels(seed):
    mask = np.random.default_rng(seed).random((4, 3, 5)) < 0.5
    codes = encode_corners(mask)
    assert codes.shape == (5, 4, 6)
    # Each voxel is one bit of the 8 corners around it.
    assert np.bitwise_count(codes).sum() == 8 * mask.sum()
    assert (encode_corners(np.ones((3, 3, 3), bool))[1:-1, 1:-1, 1:-1] == CODE_INSIDE).all()
