"""Gating: ET and TC count only inside WT, and the regions are nested (paper, section 2.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imaging.regions import Region


@dataclass(frozen=True, eq=False)
class GatedMasks:
    """Nested masks, and how many voxels of each were taken away to nest them."""

    masks: Mapping[Region, npt.NDArray[np.bool_]]
    voxels_removed: Mapping[Region, int]


def gate(masks: Mapping[Region, npt.NDArray[np.bool_]]) -> GatedMasks:
    """ET inside TC inside WT, by removal.

    Args:
        masks: `bool [...]` for WT, TC and ET, of one shape.
    """
    wt = masks[Region.WT]
    tc = masks[Region.TC] & wt
    et = masks[Region.ET] & tc
    gated = {Region.WT: wt, Region.TC: tc, Region.ET: et}
    removed = {region: int(np.count_nonzero(masks[region]) - np.count_nonzero(gated[region])) for region in gated}
    return GatedMasks(gated, removed)
