"""Connected components of a mask, in millilitres."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

_NEIGHBOURS_26 = np.ones((3, 3, 3), dtype=bool)


def drop_small(
    mask: npt.NDArray[np.bool_], *, voxel_volume_ml: float, min_component_ml: float = 0.0, min_region_ml: float = 0.0
) -> npt.NDArray[np.bool_]:
    """The mask without its small components; empty where what is left is small in all.

    Args:
        mask: `bool [a, b, c]`, any axis order.
        voxel_volume_ml: Volume of a voxel.
        min_component_ml: 26-connected components smaller than this are dropped.
        min_region_ml: Where less than this is left, nothing is kept.

    Returns:
        `bool [a, b, c]`, a subset of the mask.
    """
    kept = mask
    if min_component_ml > 0.0 and mask.any():
        (extent,) = ndimage.find_objects(mask.view(np.uint8))
        components, count = ndimage.label(mask[extent], structure=_NEIGHBOURS_26)
        sizes_ml = np.bincount(components.ravel(), minlength=count + 1) * voxel_volume_ml
        keep = sizes_ml >= min_component_ml
        keep[0] = False
        kept = np.zeros_like(mask)
        kept[extent] = keep[components]
    if min_region_ml > 0.0 and np.count_nonzero(kept) * voxel_volume_ml < min_region_ml:
        return np.zeros_like(mask)
    return kept
