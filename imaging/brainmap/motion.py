"""Where a lesion's voxels go in an edit: inverse mapping, in three dimensions."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imaging.brainmap.edit import MapEdit
from imaging.brainmap.maps import BrainMap, Lesion
from imaging.brainmap.nearest import Indices, nearest
from imaging.geometry import Grid
from imaging.phantom.fields import smooth_field

_ELASTIC_REACH = 3.0
"""Longest displacement along an axis, in `elastic_mm`: five standard deviations."""


@dataclass(frozen=True, eq=False)
class Motion:
    """Shift, rotation and scale in voxels.

    Args:
        centre: The lesion's centroid before, `float64 [3]`.
        target: The lesion's centroid after, `float64 [3]`.
        linear: From offsets before to offsets after, `float64 [3, 3]`.
    """

    centre: npt.NDArray[np.float64]
    target: npt.NDArray[np.float64]
    linear: npt.NDArray[np.float64]

    @classmethod
    def of_edit(cls, edit: MapEdit, old: Indices, *, grid: Grid) -> Motion:
        """What an edit does to a lesion of these voxels, `[n, 3]`, at least one. Its mirroring is left out."""
        axes_mm = grid.affine[:3, :3]
        centre = old.mean(axis=0)
        shift = np.linalg.solve(axes_mm, np.array(edit.shift_mm))
        linear = np.linalg.solve(axes_mm, edit.linear @ axes_mm).astype(np.float64)
        return cls(centre, centre + shift, linear)

    def apply(self, positions: Indices | npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Where voxel positions `[n, 3]` go, `float64 [n, 3]`."""
        return np.asarray((positions - self.centre) @ self.linear.T + self.target)


def move_lesion(brain_map: BrainMap, edit: MapEdit, rng: np.random.Generator) -> tuple[Indices, Indices]:
    """The voxels of the moved lesion, and from which voxel of the lesion each takes its part and its bands.

    Args:
        brain_map: With a lesion.
        edit: Its `mirror` is not looked at.
        rng: Source of the elastic field.

    Returns:
        After and before, both `[n, 3]`. Voxels after may lie outside the brain, and past the grid's ends.
    """
    tumour = brain_map.lesion != Lesion.NONE
    old = np.argwhere(tumour)
    motion = Motion.of_edit(edit, old, grid=brain_map.grid)
    low, high = old.min(axis=0), old.max(axis=0) + 1
    reach = _ELASTIC_REACH * edit.elastic_mm / np.array(brain_map.grid.spacing_mm)
    corners = motion.apply(np.array(np.meshgrid(*zip(low - 1, high, strict=True))).reshape(3, -1).T)
    start = np.floor(corners.min(axis=0) - reach).astype(np.intp)
    shape = np.ceil(corners.max(axis=0) + reach).astype(np.intp) + 1 - start
    # Float32 holds the offsets of any brain to a hundredth of the tie-break of `nearest`.
    offsets: list[npt.NDArray[np.float32]] = list(
        np.ogrid[tuple(slice(float(first), float(first + extent)) for first, extent in zip(start, shape, strict=True))]
    )
    offsets = [(offset - middle).astype(np.float32) for offset, middle in zip(offsets, motion.target, strict=True)]
    if edit.elastic_mm:
        landed = np.clip(nearest(motion.apply(old)) - start, 0, shape - 1)
        displacements = _elastic_field(rng, edit, shape, lesion=landed, grid=brain_map.grid)
        offsets = [offset - displacement for offset, displacement in zip(offsets, displacements, strict=True)]
    inverse = np.linalg.inv(motion.linear).astype(np.float32)
    inside = np.ones(shape, dtype=bool)
    sources = []
    for axis in range(3):
        position = np.float32(motion.centre[axis]) + sum(inverse[axis, other] * offsets[other] for other in range(3))
        sources.append(nearest(position))
        inside &= (sources[axis] >= low[axis]) & (sources[axis] < high[axis])
    before = np.column_stack([source[inside] for source in sources])
    hit = tumour[tuple(before.T)]
    return np.argwhere(inside)[hit] + start, before[hit]


def _elastic_field(
    rng: np.random.Generator, edit: MapEdit, shape: npt.NDArray[np.intp], *, lesion: Indices, grid: Grid
) -> list[npt.NDArray[np.float32]]:
    """Displacements in voxels along each axis, `float32 [i, j, k]` each, without their mean over the lesion."""
    i, j, k = (int(extent) for extent in shape)
    # Knots are equally far apart in voxels: on no axis nearer than asked, so that the field does not fold.
    scale_voxels = edit.elastic_scale_mm / min(grid.spacing_mm)
    field_mm = []
    for _ in range(3):
        component = smooth_field(rng, (i, j, k), scale_voxels=scale_voxels) * (edit.elastic_mm / math.sqrt(3))
        component -= component[tuple(lesion.T)].mean()
        reach_mm = _ELASTIC_REACH * edit.elastic_mm
        field_mm.append(np.clip(component, -reach_mm, reach_mm))
    to_voxels = np.linalg.inv(grid.affine[:3, :3]).astype(np.float32)
    return [
        np.asarray(sum(to_voxels[axis, other] * field_mm[other] for other in range(3)), dtype=np.float32)
        for axis in range(3)
    ]
