"""What the case check sees of one contrast: some of its voxels, in RAS+ order, and where the brain is in them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from imaging.casecheck.facts import FileFacts
from imaging.geometry import Grid
from imaging.modality import Modality
from imaging.pipeline.check import MAX_BRAIN_FRACTION
from imaging.regions import BoolVolume
from imaging.volume import Volume

SAMPLE_MM = 2.0
"""Distance of the voxels looked at, where the file's own are nearer. An eighth of a BraTS volume tells what all of it
does, at an eighth of the cost."""
MAX_SAMPLE_VOXELS = 3_000_000
"""Larger fields of view than heads have are looked at from further away."""

MAX_BRAIN_ML = 2200.0
"""Of what is not zero, where the skull is stripped. Brains reach 1900 ml; a head has 3000 ml above the skull base."""
MAX_BRAIN_AREA_CM2 = 240.0
"""Of the largest axial section of a brain alone, for exams of too few slices to tell a head by its volume. At most
198 cm2 in the 30 patients that thresholds were measured on; a brain of 190 x 150 mm has 224 cm2."""

EDGE_MM = 4.0
"""How far inside the brain intensities are compared: at its edge, contrasts are stripped a little differently."""

_TISSUE_SHARE = 0.15
_BRIGHT_PERCENTILE = 99.0
"""In a head with its skull, tissue is what has this share of a bright voxel's intensity. Air has less."""
BRAIN_BELOW_TOP_MM = 70.0
"""From the top of a head to the middle of its brain."""
BRAIN_HALF_AXES_MM = (45.0, 55.0, 35.0)
"""Right, anterior, superior: of an ellipsoid about that middle which holds hardly anything but brain."""
_TOP_SECTION_MM = 120.0
"""Of a head: the part in which its middle is sought. Below it are the neck and, to the front, the face."""


@dataclass(frozen=True, eq=False)
class Look:
    """One contrast, as far as the check looks at it. Voxels are looked at only when they are asked for.

    Args:
        modality: What it is said to be.
        volume: As sent, of any real type.
        facts: What its header says beside; None where that is not known.
    """

    modality: Modality
    volume: Volume
    facts: FileFacts | None

    @cached_property
    def grid(self) -> Grid:
        """What the sample lies on, RAS+ order. There may be none for one that is larger than any head's."""
        canonical = self.volume.grid.reorientation.target
        shape = [-(-extent // step) for extent, step in zip(canonical.shape, self._steps, strict=True)]
        return Grid((shape[0], shape[1], shape[2]), canonical.affine @ np.diag([*self._steps, 1.0]), self.field)

    @cached_property
    def sample(self) -> npt.NDArray[np.float32]:
        """Voxels some `SAMPLE_MM` apart, `float32 [i, j, k]`."""
        i, j, k = self._steps
        with np.errstate(over="ignore"):
            return np.asarray(self.volume.canonical().voxels[::i, ::j, ::k], dtype=np.float32, order="C")

    @cached_property
    def finite(self) -> bool:
        """Whether all voxels are numbers that single precision holds.

        Least and greatest value need no array of flags, and NaN spreads to both.
        """
        voxels = self.volume.voxels
        if not np.issubdtype(voxels.dtype, np.floating):
            return True
        with np.errstate(invalid="ignore", over="ignore"):
            return bool(np.isfinite(np.array([voxels.min(), voxels.max()]).astype(np.float32)).all())

    @property
    def field(self) -> str:
        """How the contrast is named in a finding."""
        return self.modality.value

    @cached_property
    def shown(self) -> BoolVolume:
        """Where the sample is not zero."""
        return np.asarray(self.sample != 0)

    @cached_property
    def values(self) -> npt.NDArray[np.float32]:
        """The sample's voxels that are not zero, `float32 [n]`."""
        return self.sample[self.shown]

    @cached_property
    def shown_ml(self) -> float:
        """The volume of what is not zero."""
        return float(np.count_nonzero(self.shown) * self.grid.voxel_volume_ml)

    @cached_property
    def stripped(self) -> bool:
        """Whether it shows a brain alone: zero outside, and no larger than brains are."""
        if np.count_nonzero(self.shown) > MAX_BRAIN_FRACTION * self.shown.size or self.shown_ml > MAX_BRAIN_ML:
            return False
        return float(self.areas_cm2(self.shown).max()) <= MAX_BRAIN_AREA_CM2

    @cached_property
    def tissue(self) -> BoolVolume:
        """The sample's voxels that show something: the brain where the skull is stripped, else all but air."""
        if self.stripped:
            return self.shown
        return np.asarray(self.sample > _TISSUE_SHARE * np.percentile(self.sample, _BRIGHT_PERCENTILE))

    @cached_property
    def inner(self) -> BoolVolume:
        """The sample's voxels that certainly are of the brain: its inside, or an ellipsoid in the middle of a head."""
        return self.inside_of(self.shown) if self.stripped else self._middle_of_head()

    def inside_of(self, mask: BoolVolume) -> BoolVolume:
        """A mask on the sample's grid without what lies within `EDGE_MM` of its edge."""
        reach = [max(1, round(EDGE_MM / spacing)) for spacing in self.grid.spacing_mm]
        size = tuple(2 * voxels + 1 for voxels in reach)
        return np.asarray(ndimage.minimum_filter(mask, size=size, mode="constant", cval=False))

    def on_grid_of(self, other: Look) -> bool:
        """Whether both lie on one grid; the order in which a file stores its axes does not matter."""
        mine, its = (look.volume.grid.reorientation.target for look in (self, other))
        return mine.matches(its)

    def areas_cm2(self, mask: BoolVolume) -> npt.NDArray[np.float64]:
        """The area of a mask on the sample's grid in each axial slice, from below."""
        area_cm2 = float(np.linalg.norm(np.cross(self.grid.affine[:3, 0], self.grid.affine[:3, 1]))) / 100.0
        return np.asarray(np.count_nonzero(mask, axis=(0, 1)) * area_cm2, dtype=np.float64)

    def at(self, points_mm: npt.NDArray[np.float64], mask: BoolVolume) -> npt.NDArray[np.bool_]:
        """Whether points of the world `[n, 3]` lie in a mask on the sample's grid; outside of the grid they do not."""
        voxels, inside = self._nearest(points_mm)
        return np.asarray(inside & mask[tuple(voxels.T)])

    def intensities(self, points_mm: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        """The sample's intensities nearest to points of the world `[n, 3]`."""
        return np.asarray(self.sample[tuple(self._nearest(points_mm)[0].T)])

    def positions_mm(self, mask: BoolVolume) -> npt.NDArray[np.float64]:
        """Where a mask's voxels on the sample's grid are in the world, `float64 [n, 3]`."""
        return np.asarray(np.argwhere(mask) @ self.grid.affine[:3, :3].T + self.grid.affine[:3, 3], dtype=np.float64)

    @cached_property
    def _steps(self) -> tuple[int, int, int]:
        canonical = self.volume.grid.reorientation.target
        field_of_view = canonical.voxel_volume_ml * 1000.0 * float(np.prod(canonical.shape, dtype=np.float64))
        least_mm = float(np.cbrt(field_of_view / MAX_SAMPLE_VOXELS))
        i, j, k = (max(1, round(SAMPLE_MM / mm), math.ceil(least_mm / mm)) for mm in canonical.spacing_mm)
        return i, j, k

    def _nearest(self, points_mm: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
        to_voxels = np.linalg.inv(self.grid.affine)
        voxels = np.rint(points_mm @ to_voxels[:3, :3].T + to_voxels[:3, 3])
        last = np.array(self.grid.shape) - 1
        inside = np.asarray(((voxels >= 0) & (voxels <= last)).all(axis=1))
        return np.clip(voxels, 0, last).astype(np.intp), inside

    def _middle_of_head(self) -> BoolVolume:
        head = self.positions_mm(self.tissue)
        if not len(head):
            return np.zeros(self.sample.shape, dtype=bool)
        top = float(np.percentile(head[:, 2], 99.9))
        section = head[head[:, 2] > top - _TOP_SECTION_MM]
        middle = np.percentile(section, (1, 99), axis=0).mean(axis=0)
        middle[2] = top - BRAIN_BELOW_TOP_MM
        everywhere = self.positions_mm(np.ones(self.sample.shape, dtype=bool))
        distance = np.linalg.norm((everywhere - middle) / np.array(BRAIN_HALF_AXES_MM), axis=1)
        return np.asarray(distance.reshape(self.sample.shape) < 1.0)
