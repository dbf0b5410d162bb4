"""The brain without its tumour: what a lesion leaves is filled from the other hemisphere."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from imaging.brainmap.edit import EditError
from imaging.brainmap.maps import BrainMap, ByteVolume, Lesion
from imaging.brainmap.midplane import MidPlane, to_voxels, to_world
from imaging.brainmap.nearest import lookup, nearest
from imaging.modality import Modality

_REACH_VOXELS = 8


def healthy_bands(brain_map: BrainMap) -> dict[Modality, ByteVolume]:
    """The map's bands as they may have been without the tumour.

    Each voxel of the lesion takes the bands of its mirror image across the brain's own midsagittal plane; where
    that is no brain, or tumour itself, those of the nearest voxel whose bands are known. All other voxels keep
    theirs. Mass effect is not undone.

    Returns:
        New arrays, `uint8 [i, j, k]`, 1 to 4 inside the brain, 0 outside.

    Raises:
        EditError: The whole brain is tumour.
    """
    bands = {modality: array.copy() for modality, array in brain_map.bands.items()}
    brain, tumour = brain_map.brain, brain_map.lesion != Lesion.NONE
    old = np.argwhere(tumour)
    if not len(old):
        return bands
    healthy = brain & ~tumour
    if not healthy.any():
        raise EditError("lesion", "must leave some brain that is not tumour", "none")
    plane = MidPlane.of_brain(brain, brain_map.grid)
    mirrored = nearest(to_voxels(plane.mirror(to_world(old, brain_map.grid)), brain_map.grid))
    usable = lookup(healthy, mirrored)
    target, source = tuple(old[usable].T), tuple(mirrored[usable].T)
    for array in bands.values():
        array[target] = array[source]
    if not usable.all():
        known = healthy
        known[target] = True
        _spread(bands, known, brain & ~known)
    return bands


def _spread(bands: dict[Modality, ByteVolume], known: np.ndarray, unknown: np.ndarray) -> None:
    """Give unknown voxels the bands of the nearest known one, in place."""
    corners = np.argwhere(unknown)
    start, stop = np.maximum(corners.min(axis=0) - _REACH_VOXELS, 0), corners.max(axis=0) + 1 + _REACH_VOXELS
    box = tuple(slice(first, last) for first, last in zip(start, stop, strict=True))
    if not known[box].any():
        box = (slice(None), slice(None), slice(None))
    to = unknown[box]
    origin = ndimage.distance_transform_edt(~known[box], return_distances=False, return_indices=True)
    source = tuple(origin[:, to])
    for array in bands.values():
        part = array[box]
        part[to] = part[source]
