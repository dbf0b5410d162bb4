"""The brain map: every voxel's tissue band in each contrast, and the tumour's parts (paper, section 2.3.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from imaging.brainmap.intensity import to_unit_range
from imaging.errors import ImagingError
from imaging.exam import Exam
from imaging.geometry import Grid
from imaging.modality import Modality
from imaging.preprocess.normalise import find_brain
from imaging.regions import BoolVolume, Region, RegionMasks

THRESHOLDS = (0.25, 0.5, 0.75)
"""Of the maximum: between these lie the four bands (paper, section 2.3.1)."""
BANDS = len(THRESHOLDS) + 1

ByteVolume = npt.NDArray[np.uint8]


class BrainMapError(ImagingError):
    """Arrays that are not a brain map, or an edit that a map can't take."""


class Lesion(IntEnum):
    """What a voxel of `BrainMap.lesion` stands for."""

    NONE = 0
    NCR = 1
    """Necrotic and non-enhancing tumour core."""
    ED = 2
    """Peritumoural oedema."""
    ET = 3
    """Enhancing tumour."""


@dataclass(frozen=True, eq=False)
class BrainMap:
    """What is drawn where. Valid once constructed.

    Args:
        bands: Of each of the four contrasts, `uint8 [i, j, k]`: 0 is background, 1 to 4 are quarters of the
            contrast's range, dark to bright, inside the tumour as well as outside.
        lesion: The tumour's parts, `uint8 [i, j, k]`, values of `Lesion`.
        grid: Where the voxels are; axes in RAS+ order.

    Raises:
        BrainMapError: A contrast is missing, shapes differ, values are out of range, the contrasts do not agree
            about the background, the tumour reaches into it, or the axes are not in RAS+ order.
    """

    bands: Mapping[Modality, ByteVolume]
    lesion: ByteVolume
    grid: Grid

    def __post_init__(self) -> None:
        if set(self.bands) != set(Modality):
            raise BrainMapError("bands", f"must hold {', '.join(Modality)}", ", ".join(map(str, self.bands)) or "none")
        object.__setattr__(self, "bands", MappingProxyType({modality: self.bands[modality] for modality in Modality}))
        if self.grid.axis_codes != "RAS":
            raise BrainMapError("grid", "must have its axes in RAS+ order", f"{self.grid.axis_codes}")
        for field, array, highest in [
            *((f"bands.{modality.value}", bands, BANDS) for modality, bands in self.bands.items()),
            ("lesion", self.lesion, max(Lesion)),
        ]:
            if array.dtype != np.uint8 or array.shape != self.grid.shape:
                rule = f"must be uint8 of the grid's shape {self.grid.shape}"
                raise BrainMapError(field, rule, f"{array.dtype} of shape {array.shape}")
            if array.size and int(array.max()) > highest:
                raise BrainMapError(field, f"must hold 0 to {int(highest)}", f"{int(array.max())}")
        brain = self.brain
        if any(not np.array_equal(bands != 0, brain) for bands in self.bands.values()):
            raise BrainMapError("bands", "must have the same background in every contrast", "different ones")
        if outside := int(np.count_nonzero(self.lesion[~brain])):
            raise BrainMapError("lesion", "must lie inside the brain", f"{outside} voxels outside")

    @classmethod
    def of_exam(cls, exam: Exam, regions: RegionMasks) -> BrainMap:
        """The map of a labelled exam.

        Args:
            exam: All four contrasts, skull-stripped.
            regions: WT, TC and ET on the exam's grid, nested. What lies outside the brain is left out.

        Raises:
            ExamError: A contrast is missing or shows nothing.
            GeometryError: A region is not on the exam's grid.
        """
        exam.require(*Modality)
        reorientation = exam.grid.reorientation
        voxels = {modality: reorientation.apply(exam.volumes[modality].voxels) for modality in Modality}
        brain = find_brain(voxels)
        bands = {
            modality: to_bands(to_unit_range(array, brain, field=modality.value), brain)
            for modality, array in voxels.items()
        }
        lesion = np.zeros(brain.shape, dtype=np.uint8)
        for region, part in ((Region.WT, Lesion.ED), (Region.TC, Lesion.NCR), (Region.ET, Lesion.ET)):
            lesion[reorientation.apply(regions[region]) & brain] = part
        return cls(bands, lesion, reorientation.target)

    @property
    def brain(self) -> BoolVolume:
        """What is not background, `bool [i, j, k]`."""
        return np.asarray(self.bands[Modality.T1] != 0)

    @property
    def regions(self) -> dict[Region, BoolVolume]:
        """WT, TC and ET, `bool [i, j, k]`."""
        return {
            Region.WT: self.lesion != Lesion.NONE,
            Region.TC: (self.lesion == Lesion.NCR) | (self.lesion == Lesion.ET),
            Region.ET: self.lesion == Lesion.ET,
        }


def to_bands(unit: npt.NDArray[np.float32], brain: BoolVolume) -> ByteVolume:
    """Bands 1 to 4 of intensities from 0 to 1 inside the brain, 0 outside. A threshold belongs to the band above."""
    bands = 1 + np.searchsorted(np.asarray(THRESHOLDS, dtype=np.float32), unit, side="right")
    return np.where(brain, bands, 0).astype(np.uint8)
