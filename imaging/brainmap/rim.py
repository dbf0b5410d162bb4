"""Necrosis that no rim keeps from the rest of the brain."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from imaging.brainmap.maps import ByteVolume, Lesion
from imaging.regions import BoolVolume


def exposed_necrosis(lesion: ByteVolume, brain: BoolVolume) -> BoolVolume:
    """Necrosis that shares a face with a voxel of the brain that is neither necrosis nor enhancing.

    Args:
        lesion: Values of `Lesion`, `uint8 [i, j, k]`.
        brain: Of the same shape. What lies outside counts as no neighbour.

    Returns:
        `bool [i, j, k]`; all False where there is no necrosis.
    """
    necrosis: BoolVolume = lesion == Lesion.NCR
    if not necrosis.any():
        return necrosis
    (extent,) = ndimage.find_objects(necrosis.view(np.uint8))
    box = tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in extent)
    part = lesion[box]
    other = brain[box] & ((part == Lesion.NONE) | (part == Lesion.ED))
    exposed = np.zeros_like(necrosis)
    exposed[box] = necrosis[box] & ndimage.binary_dilation(other)
    return exposed
