"""What registration sees of a volume: two smooth copies of it, coarse and fine, and where the head is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt
import SimpleITK
from scipy import ndimage
from skimage.filters import threshold_otsu

from imaging.geometry import Grid
from imaging.itk import from_itk, to_itk
from imaging.regions import BoolVolume
from imaging.registration.errors import RegistrationError
from imaging.volume import Volume

COARSE_MM = 4.0
FINE_MM = 1.0
"""Voxels of the two levels, about; an axis whose voxels are larger is left as it is."""

MIN_HEAD_ML = 100.0
"""Less is no head: a newborn's brain is three times as large."""

_SMOOTHING_VOXELS = 0.5
"""Standard deviation; linear interpolation between unsmoothed voxels favours some shifts."""
_BRIGHTEST = 99.8
"""Percentile that intensities are clipped to: a few bright vessels would take most of a histogram's bins."""
_AIR_SHARE = 0.5
"""Share of Otsu's threshold above which a voxel is of the head: dark tissue lies below the threshold itself."""
_NOTHING = 0.005
"""Share of the brightest intensity up to which a voxel was set to nothing: rounding and resampling leave traces."""
_MAX_STRIPPED_ML = 2200.0
"""A volume that shows more than this beside exact nothing is a head whose air was wiped, not a brain."""
_MIN_RIM = 0.12
"""Of the median intensity: a brain ends in cortex (.18 to 1.2, in 44 volumes), a head in its noisy air (below .06)."""
_HEIGHT_MM = 170.0
"""From the crown down: below lie jaw and neck, which move by themselves."""
_SCALP_MM = 10.0
"""Skin and fat, which shift against the brain with the contrast's read-out, and slide."""
_MARGIN_MM = 8.0
"""Air around a stripped brain that is compared too: the outline tells where the brain is."""
_OUTLINE = 0.5
"""Height of the step that is put at a stripped brain's outline. Without it, dark tissue and nothing look alike."""


@dataclass(frozen=True, eq=False)
class Level:
    """A volume at one resolution.

    Args:
        intensities: `float32 [i, j, k]`, RAS+ order, 0 to 1.
        shown: Likewise: which share of each voxel shows something.
    """

    intensities: Volume
    shown: Volume

    @property
    def outlined(self) -> Volume:
        """Intensities of a stripped brain with a step at its outline, `float32 [i, j, k]`, 0 to 1."""
        step, scale = np.float32(_OUTLINE), np.float32(1.0 - _OUTLINE)
        return Volume(step * floats(self.shown) + scale * floats(self.intensities), self.intensities.grid)


@dataclass(frozen=True, eq=False)
class Head:
    """A volume as registration sees it.

    Args:
        coarse: Voxels of some 4 mm.
        fine: Voxels of some 1 mm.
        foreground: `bool [i, j, k]` on the grid of `coarse`: the head down to the jaw, or the brain.
        stripped: Whether only the brain is shown.
    """

    coarse: Level
    fine: Level
    foreground: BoolVolume
    stripped: bool

    @classmethod
    def of(cls, volume: Volume, *, field: str) -> Self:
        """Look at a volume of any real type, all finite.

        Raises:
            RegistrationError: It is flat or shows nothing that has the size of a head.
        """
        canonical = volume.canonical()
        voxels = np.asarray(canonical.voxels, dtype=np.float32)
        darkest, brightest = float(voxels.min()), float(np.percentile(voxels, _BRIGHTEST))
        if not brightest > darkest:
            raise RegistrationError(field, "must show a head", "one intensity almost everywhere")
        scaled = np.clip((voxels - darkest) / (brightest - darkest), 0.0, 1.0)
        bright_fine, bright_coarse = _reduced(scaled, canonical.grid)
        shown_fine, shown_coarse = _reduced((scaled > _NOTHING).astype(np.float32), canonical.grid)
        fine, coarse = Level(bright_fine, shown_fine), Level(bright_coarse, shown_coarse)
        foreground = _foreground(coarse.intensities)
        size_ml = np.count_nonzero(foreground) * coarse.intensities.grid.voxel_volume_ml
        if size_ml < MIN_HEAD_ML:
            raise RegistrationError(field, f"must show a head of at least {MIN_HEAD_ML:g} ml", f"{size_ml:.0f} ml")
        stripped = bool(size_ml <= _MAX_STRIPPED_ML) and _ends_in_tissue(coarse)
        return cls(coarse, fine, foreground, stripped)

    @property
    def grid(self) -> Grid:
        """What the foreground lies on."""
        return self.coarse.intensities.grid

    @cached_property
    def centre_mm(self) -> npt.NDArray[np.float64]:
        """The middle of the head, `float64 [3]`."""
        middle = to_world(self.grid, np.argwhere(self.foreground).mean(axis=0)[None])
        return np.asarray(middle[0], dtype=np.float64)

    @cached_property
    def corners_mm(self) -> npt.NDArray[np.float64]:
        """The corners of the box around the head, `float64 [8, 3]`: no part of it moves much further than they do."""
        occupied = np.argwhere(self.foreground)
        ends = zip(occupied.min(axis=0) - 0.5, occupied.max(axis=0) + 0.5, strict=True)
        return to_world(self.grid, np.array(np.meshgrid(*ends)).reshape(3, -1).T)

    @cached_property
    def around(self) -> BoolVolume:
        """The head and the air next to it, on the grid of the foreground."""
        reach = np.ceil(_MARGIN_MM / np.array(self.grid.spacing_mm)).astype(int)
        wide: BoolVolume = ndimage.maximum_filter(self.foreground, size=tuple(2 * reach + 1), mode="constant")
        return wide

    @cached_property
    def telling(self) -> BoolVolume:
        """Where a fine comparison looks, on the grid of the foreground.

        A stripped brain and its outline; of a head what lies deeper than its scalp.
        """
        if self.stripped:
            return self.around
        depth = ndimage.distance_transform_edt(self.foreground, sampling=self.grid.spacing_mm)
        inside: BoolVolume = depth > _SCALP_MM
        return inside if inside.any() else self.foreground


def _reduced(voxels: npt.NDArray[np.float32], grid: Grid) -> tuple[Volume, Volume]:
    """A volume at the fine level and at the coarse one."""
    image = to_itk(Volume(voxels, grid))
    return _shrunk(image, FINE_MM), _shrunk(image, COARSE_MM)


def _shrunk(image: SimpleITK.Image, spacing_mm: float) -> Volume:
    """The means of blocks of voxels that come nearest to this spacing, smoothed."""
    factors = [max(1, round(spacing_mm / spacing)) for spacing in image.GetSpacing()]
    factors = [min(factor, extent) for factor, extent in zip(factors, image.GetSize(), strict=True)]
    small = from_itk(SimpleITK.BinShrink(image, factors) if max(factors) > 1 else image)
    # Thick slices are as smooth as they need to be.
    sigmas = [_SMOOTHING_VOXELS if spacing < COARSE_MM else 0.0 for spacing in small.grid.spacing_mm]
    return Volume(ndimage.gaussian_filter(floats(small), sigmas, mode="nearest"), small.grid)


def _foreground(coarse: Volume) -> BoolVolume:
    """The largest thing that is not air, its holes filled, from its crown down to the jaw."""
    voxels = floats(coarse)
    bright = np.asarray(voxels > _AIR_SHARE * float(threshold_otsu(voxels)))
    parts, count = ndimage.label(bright)
    if count > 1:
        bright = parts == 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
    filled: BoolVolume = ndimage.binary_fill_holes(bright)
    where = np.argwhere(filled)
    if not len(where):
        return filled
    heights = to_world(coarse.grid, where)[:, 2]
    low = where[heights < heights.max() - _HEIGHT_MM]
    filled[tuple(low.T)] = False
    return filled


def _ends_in_tissue(coarse: Level) -> bool:
    """Whether what is shown ends beside exact nothing, and in tissue: a brain without its skull."""
    shown, intensities = floats(coarse.shown), floats(coarse.intensities)
    rim, inner = (shown > 0.2) & (shown < 0.8), shown > 0.99
    if not rim.any() or not inner.any():
        return False
    return bool(np.median(intensities[rim] / shown[rim]) > _MIN_RIM * np.median(intensities[inner]))


def floats(volume: Volume) -> npt.NDArray[np.float32]:
    """Its voxels, which are of this type."""
    return np.asarray(volume.voxels, dtype=np.float32)


def to_world(grid: Grid, voxels: npt.NDArray[np.float64] | npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """Where voxel positions `[n, 3]` of a grid lie in the world, `float64 [n, 3]`."""
    return np.asarray(voxels @ grid.affine[:3, :3].T + grid.affine[:3, 3], dtype=np.float64)
