"""Necrosis and the rim that keeps it from the rest of the brain, or does not."""

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
    box = _with_neighbours(necrosis)
    part = lesion[box]
    other = brain[box] & ((part == Lesion.NONE) | (part == Lesion.ED))
    exposed = np.zeros_like(necrosis)
    exposed[box] = necrosis[box] & ndimage.binary_dilation(other)
    return exposed


def rimmed_necrosis(lesion: ByteVolume, spacing_mm: tuple[float, float, float]) -> BoolVolume:
    """Necrosis to which the rim is nearer than any other tissue.

    Args:
        lesion: Values of `Lesion`, `uint8 [i, j, k]`.
        spacing_mm: Of its voxels.

    Returns:
        `bool [i, j, k]`; all False where there is no necrosis, or nothing beside it.
    """
    necrosis: BoolVolume = lesion == Lesion.NCR
    rimmed = np.zeros_like(necrosis)
    if not necrosis.any() or necrosis.all():
        return rimmed
    box = _with_neighbours(necrosis)
    nearest = ndimage.distance_transform_edt(
        necrosis[box], sampling=spacing_mm, return_distances=False, return_indices=True
    )
    rimmed[box] = necrosis[box] & (lesion[box][tuple(nearest)] == Lesion.ET)
    return rimmed


def _with_neighbours(necrosis: BoolVolume) -> tuple[slice, ...]:
    """The box that holds it and every voxel beside it."""
    (extent,) = ndimage.find_objects(necrosis.view(np.uint8))
    return tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in extent)
