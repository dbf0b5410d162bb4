"""Which slices to show: those on which a region, or all of them, are seen best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glioserve.render.planes import Plane
from glioserve.render.scene import Scene
from glioserve.terms import Region

INSIDE_OUT = (Region.ET, Region.TC, Region.WT)


@dataclass(frozen=True)
class View:
    """One slice per plane.

    Args:
        chosen_by: The regions that they were chosen by. Empty where there is no tumour: they are the middle ones.
        slices: Voxel index along each plane's axis, in the scene's crop.
    """

    chosen_by: tuple[Region, ...]
    slices: Mapping[Plane, int]


def view_of_region(scene: Scene, region: Region) -> View:
    """The slices with the largest area of a region; of the next larger region where that is empty."""
    larger = [other for other in INSIDE_OUT[INSIDE_OUT.index(region) :] if scene.masks[other].any()]
    return _view(scene, tuple(larger[:1]))


def view_of_all(scene: Scene) -> View:
    """The slices that show most of all regions, each counted by its share of its own largest area."""
    return _view(scene, tuple(region for region in INSIDE_OUT if scene.masks[region].any()))


def _view(scene: Scene, regions: tuple[Region, ...]) -> View:
    return View(regions, {plane: _best(scene, plane, regions) for plane in Plane})


def _best(scene: Scene, plane: Plane, regions: tuple[Region, ...]) -> int:
    others = tuple(axis for axis in range(3) if axis != plane.axis)
    size = scene.masks[Region.WT].shape[plane.axis]
    score: npt.NDArray[np.float64] = np.zeros(size)
    for region in regions:
        areas = scene.masks[region].sum(axis=others)
        score += areas / areas.max()
    return int(score.argmax()) if regions else size // 2
