"""Which slices to show: those on which a region, or all of them, are seen best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glioserve.render.planes import Plane
from glioserve.render.scene import Scene
from glioserve.terms import Region


@dataclass(frozen=True)
class View:
    """One slice per plane.

    Args:
        focus: The region that they were chosen for; None for all of them together.
        found: Whether there was something to choose by. If not, the slices are the middle ones.
        slices: Voxel index along each plane's axis, in the scene's crop.
    """

    focus: Region | None
    found: bool
    slices: Mapping[Plane, int]


def view_of(scene: Scene, focus: Region | None) -> View:
    """The slices with the largest area of a region; or of all regions, each counted by its share of its own largest.

    A region that is empty gives way to the next larger one, and an empty WT to the middle of the head.
    """
    candidates = [Region.ET, Region.TC, Region.WT]
    if focus is not None:
        candidates = candidates[candidates.index(focus) :]
    present = [region for region in candidates if scene.masks[region].any()]
    if focus is not None:
        present = present[:1]
    slices = {plane: _best(scene, plane, present) for plane in Plane}
    return View(focus, found=bool(present), slices=slices)


def _best(scene: Scene, plane: Plane, regions: list[Region]) -> int:
    others = tuple(axis for axis in range(3) if axis != plane.axis)
    size = scene.masks[Region.WT].shape[plane.axis]
    score: npt.NDArray[np.float64] = np.zeros(size)
    for region in regions:
        areas = scene.masks[region].sum(axis=others)
        score += areas / areas.max()
    return int(score.argmax()) if regions else size // 2
