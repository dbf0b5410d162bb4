"""The part of two masks that matters, and the voxels on a mask's surface."""

from __future__ import annotations

import numpy as np

from imaging.regions import BoolVolume

Box = tuple[slice, slice, slice]
"""From the first to the last voxel of a mask along I, J, K."""


def bounding_box(mask: BoolVolume) -> Box | None:
    """The smallest box around a mask, `bool [i, j, k]`; None when it is empty."""
    window = [slice(None)] * 3
    # Along the longest strides first: memory is read in its order, and each axis leaves less for the next.
    for axis in sorted(range(3), key=lambda candidate: -abs(mask.strides[candidate])):
        others = tuple(other for other in range(3) if other != axis)
        hits = np.flatnonzero(mask[tuple(window)].any(axis=others))
        if not hits.size:
            return None
        window[axis] = slice(int(hits[0]), int(hits[-1]) + 1)
    return window[0], window[1], window[2]


def union_box(first: Box, second: Box) -> Box:
    """The smallest box around two boxes."""
    i, j, k = (
        slice(min(one.start, other.start), max(one.stop, other.stop)) for one, other in zip(first, second, strict=True)
    )
    return i, j, k


def crop(mask: BoolVolume, box: Box, *, margin: int) -> BoolVolume:
    """A box of a mask with empty voxels around it.

    The margin stands for what lies outside the box, also beyond the array: a mask has a surface at the array's edge.

    Args:
        mask: `bool [i, j, k]`, nothing of it outside the box.
        box: What to keep.
        margin: How many empty voxels on each side.

    Returns:
        A new array, in C order.
    """
    return np.pad(mask[box], margin)


def border_voxels(mask: BoolVolume) -> BoolVolume:
    """The voxels of a mask that share a face with a voxel outside of it (6-connectivity).

    Args:
        mask: `bool [i, j, k]`, empty along its six faces, as `crop` leaves it with a margin.

    Returns:
        `bool [i, j, k]`.
    """
    inside = mask[1:-1, 1:-1, 1:-1].copy()
    for axis in range(mask.ndim):
        for step in (-1, 1):
            window = [slice(1, -1)] * mask.ndim
            window[axis] = slice(1 + step, mask.shape[axis] - 1 + step)
            inside &= mask[tuple(window)]
    border = mask.copy()
    border[1:-1, 1:-1, 1:-1] ^= inside
    return border
