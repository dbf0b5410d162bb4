"""Applies an edit to a brain map (paper, section 2.3.4: another location, shape or size)."""

from __future__ import annotations

import numpy as np

from imaging.brainmap.edit import EditError, MapEdit
from imaging.brainmap.fill import healthy_bands
from imaging.brainmap.maps import BrainMap, Lesion
from imaging.brainmap.motion import move_lesion
from imaging.brainmap.nearest import lookup
from imaging.brainmap.rim import exposed_necrosis, rimmed_necrosis

MAX_LOST = 0.25
"""Largest share of the moved lesion that may lie outside the brain, where it is cut off."""


def apply_edit(brain_map: BrainMap, edit: MapEdit, *, seed: int) -> BrainMap:
    """The map with its lesion moved, resized, turned and reshaped: a function of its three arguments alone.

    The lesion takes the bands inside it along and replaces those it comes to lie on. What it leaves is filled as
    `healthy_bands` tells. What would leave the brain is cut off. All of it in three dimensions, so that slices
    agree. The brain's outline stays, or is mirrored. Necrosis that a rim encloses stays enclosed: where the rim has
    become thinner than a voxel, the outermost necrosis is called rim.

    Args:
        brain_map: Which map. Without a lesion, it can only be mirrored.
        edit: What to do. The identity gives the map itself.
        seed: Of the elastic field, 0 or more; matters only where `edit.elastic_mm` is not 0.

    Returns:
        A map on the same grid.

    Raises:
        EditError: The map has no lesion to change, the brain is all tumour, the lesion becomes smaller than a voxel,
            or more than `MAX_LOST` of it would leave the brain.
    """
    if edit.mirror:
        brain_map = mirror(brain_map)
    if not edit.changes_lesion:
        return brain_map
    if not brain_map.lesion.any():
        raise EditError("lesion", "must be there to be changed", "a map without one")
    after, before = move_lesion(brain_map, edit, np.random.default_rng(seed))
    if not len(after):
        raise EditError("scale", "must leave a voxel of the lesion", f"{edit.scale:g}, which leaves none")
    kept = lookup(brain_map.brain, after)
    lost = 1.0 - float(kept.mean())
    if lost > MAX_LOST:
        raise EditError("edit", f"must keep all but {MAX_LOST:.0%} of the lesion in the brain", f"a loss of {lost:.0%}")
    target, source = tuple(after[kept].T), tuple(before[kept].T)
    bands = healthy_bands(brain_map)
    for modality, array in bands.items():
        array[target] = brain_map.bands[modality][source]
    lesion = np.zeros_like(brain_map.lesion)
    lesion[target] = brain_map.lesion[source]
    own = brain_map.lesion
    enclosed = rimmed_necrosis(own, brain_map.grid.spacing_mm) & ~exposed_necrosis(own, brain_map.brain)
    torn = exposed_necrosis(lesion, brain_map.brain)[target] & enclosed[source]
    lesion[tuple(after[kept][torn].T)] = Lesion.ET
    return BrainMap(bands, lesion, brain_map.grid)


def mirror(brain_map: BrainMap) -> BrainMap:
    """The map with left and right exchanged, on the same grid: its arrays turned over along I."""
    return BrainMap(
        {modality: np.ascontiguousarray(array[::-1]) for modality, array in brain_map.bands.items()},
        np.ascontiguousarray(brain_map.lesion[::-1]),
        brain_map.grid,
    )
