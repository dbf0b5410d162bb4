"""What a brain is as a shape: one piece without holes."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from imaging.regions import BoolVolume

_NEIGHBOURS_26 = np.ones((3, 3, 3), dtype=bool)


def keep_largest(mask: BoolVolume) -> BoolVolume:
    """The largest 26-connected component of a mask; an empty mask stays empty.

    Args:
        mask: `bool [i, j, k]`.
    """
    components, count = ndimage.label(mask, structure=_NEIGHBOURS_26)
    if count < 2:
        return mask
    sizes = np.bincount(components.ravel())
    sizes[0] = 0
    kept: BoolVolume = components == sizes.argmax()
    return kept


def fill_holes(mask: BoolVolume) -> BoolVolume:
    """The mask and all that it encloses: what is 6-connected to the array's border stays outside.

    Args:
        mask: `bool [i, j, k]`.
    """
    # One layer of outside around the array joins all that touches its border.
    outside, _ = ndimage.label(np.pad(~mask, 1, constant_values=True))
    filled: BoolVolume = outside[1:-1, 1:-1, 1:-1] != outside[0, 0, 0]
    return filled
