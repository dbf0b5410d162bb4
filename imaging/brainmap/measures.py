"""What a lesion is: its volumes, the hemisphere it sits in, how it takes up contrast agent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from imaging.brainmap.maps import BrainMap, BrainMapError, Lesion
from imaging.brainmap.midplane import MidPlane, to_world
from imaging.phantom.lesion import Enhancement
from imaging.preprocess.box import Box
from imaging.regions import Region
from imaging.synthesis.side import Side

LEAST_ET_ML = 0.1
"""Less enhancing tumour than this is none."""
LEAST_NCR_SHARE = 0.1
"""Of the tumour core, in a ring."""
LEAST_ENCLOSED = 0.68
"""Of the surroundings of NCR that are ET, in a ring."""


@dataclass(frozen=True)
class LesionMeasures:
    """The measures of one map's lesion.

    Args:
        enhancement: How its core takes up contrast agent.
        side: The hemisphere that holds more of it.
        wt_ml: Volume of the whole tumour.
        tc_ml: Volume of its core.
        et_ml: Volume of what enhances.
    """

    enhancement: Enhancement
    side: Side
    wt_ml: float
    tc_ml: float
    et_ml: float


def measure(brain_map: BrainMap) -> LesionMeasures:
    """Measure a map's lesion.

    Raises:
        BrainMapError: The map has none.
    """
    voxel_ml = brain_map.grid.voxel_volume_ml
    wt_ml, tc_ml, et_ml = (round(float(np.count_nonzero(brain_map.regions[region])) * voxel_ml, 6) for region in Region)
    return LesionMeasures(classify(brain_map), side_of(brain_map), wt_ml, tc_ml, et_ml)


def classify(brain_map: BrainMap) -> Enhancement:
    """How a map's tumour takes up contrast agent, as its parts tell.

    Without `LEAST_ET_ML` of ET there is no uptake. A ring has some NCR, `LEAST_NCR_SHARE` of its core, and ET all
    around it: at least `LEAST_ENCLOSED` of the voxels that touch NCR. All else is nodular. Partial rims and dense
    nodules lie near the borders of these definitions.
    """
    ncr, et = brain_map.lesion == Lesion.NCR, brain_map.lesion == Lesion.ET
    ncr_voxels, et_voxels = int(np.count_nonzero(ncr)), int(np.count_nonzero(et))
    if et_voxels * brain_map.grid.voxel_volume_ml < LEAST_ET_ML:
        return Enhancement.NONE
    if ncr_voxels < LEAST_NCR_SHARE * (ncr_voxels + et_voxels):
        return Enhancement.NODULAR
    # With a voxel around the tumour, or up to the frame's end.
    box = Box.around(ndimage.binary_dilation(brain_map.lesion != Lesion.NONE), margin=0, multiple=1)
    inner = box.cut(ncr)
    border = ndimage.binary_dilation(inner) & ~inner
    enclosed = np.count_nonzero(border & box.cut(et)) / np.count_nonzero(border)
    return Enhancement.RING if enclosed >= LEAST_ENCLOSED else Enhancement.NODULAR


def side_of(brain_map: BrainMap) -> Side:
    """The hemisphere that holds more of a map's lesion, by the brain's own midsagittal plane.

    Raises:
        BrainMapError: The map has no lesion.
    """
    voxels = np.argwhere(brain_map.lesion)
    if not len(voxels):
        raise BrainMapError("lesion", "must be there", "a map without one")
    plane = MidPlane.of_brain(brain_map.brain, brain_map.grid)
    right = (plane.right_of(to_world(voxels, brain_map.grid)) > 0).mean()
    return Side.RIGHT if right >= 0.5 else Side.LEFT
