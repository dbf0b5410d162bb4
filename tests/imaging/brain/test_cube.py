"""Volumes as cubes of levels, and back."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from imaging.brain.cube import resize, to_levels

EXTENTS = st.tuples(*[st.integers(1, 9)] * 3)


@given(extents=EXTENTS, wanted=EXTENTS)
def test_each_voxel_is_the_one_its_centre_falls_into(
    extents: tuple[int, int, int], wanted: tuple[int, int, int]
) -> None:
    array = np.arange(np.prod(extents)).reshape(extents)

    resized = resize(array, wanted)

    assert resized.shape == wanted
    index = tuple(extent - 1 for extent in wanted)
    source = tuple(int((i + 0.5) * extent / size) for i, extent, size in zip(index, extents, wanted, strict=True))
    assert resized[index] == array[source]


@given(extents=EXTENTS, factor=st.integers(1, 5))
def test_what_was_enlarged_shrinks_back_to_itself(extents: tuple[int, int, int], factor: int) -> None:
    array = np.random.default_rng(0).integers(0, 99, extents)

    larger = resize(array, [factor * extent for extent in extents])

    np.testing.assert_array_equal(resize(larger, extents), array)


@given(extents=EXTENTS, odd=st.integers(0, 4).map(lambda half: 2 * half + 1))
def test_knows_no_left_and_right(extents: tuple[int, int, int], odd: int) -> None:
    # With an odd factor no centre falls on a border between two voxels.
    array = np.random.default_rng(0).integers(0, 99, [odd * extent for extent in extents])

    np.testing.assert_array_equal(resize(array[::-1], extents), resize(array, extents)[::-1])


def test_levels_run_from_low_to_high() -> None:
    voxels = np.array([[[-5, 10, 20, 30, 300]]], dtype=np.int16)

    levels = to_levels(voxels, low=10, high=30)

    assert levels.dtype == np.uint8
    np.testing.assert_array_equal(levels, [[[0, 0, 128, 255, 255]]])
