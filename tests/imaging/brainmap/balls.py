"""Brain maps to test with: a ball of tissue, in it a ball of tumour."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from imaging.brainmap.maps import BrainMap, Lesion
from imaging.geometry import Grid
from imaging.modality import Modality

SHAPE = (32, 32, 24)
CENTRE = (15.5, 15.5, 11.5)
RADIUS = 11.0


def distance(centre: tuple[float, float, float]) -> npt.NDArray[np.float64]:
    """From every voxel to a point, in voxels."""
    indices = np.indices(SHAPE)
    return np.sqrt(sum((index - at) ** 2 for index, at in zip(indices, centre, strict=True)))


def grid(*, spacing_mm: float = 1.0) -> Grid:
    affine = np.diag([spacing_mm, spacing_mm, spacing_mm, 1.0])
    affine[:3, 3] = (-40.0, 13.0, 7.5)
    return Grid(SHAPE, affine)


def ball_map(
    *, tumour: tuple[float, float, float] = CENTRE, radius: float = 4.5, spacing_mm: float = 1.0, seed: int = 0
) -> BrainMap:
    """A brain of random bands 1 to 3; the tumour is necrosis in a rim in oedema, band 4 and nothing else is.

    Args:
        tumour: Its middle, in voxels.
        radius: Of the tumour, in voxels; 0 or less for none.
        spacing_mm: Of the grid.
        seed: Of the bands outside the tumour.
    """
    rng = np.random.default_rng(seed)
    brain = distance(CENTRE) <= RADIUS
    away = distance(tumour)
    lesion = np.zeros(SHAPE, dtype=np.uint8)
    lesion[brain & (away <= radius)] = Lesion.ED
    lesion[brain & (away <= 0.8 * radius)] = Lesion.ET
    lesion[brain & (away <= 0.4 * radius)] = Lesion.NCR
    bands = {
        modality: np.where(lesion > 0, 4, np.where(brain, rng.integers(1, 4, SHAPE), 0)).astype(np.uint8)
        for modality in Modality
    }
    return BrainMap(bands, lesion, grid(spacing_mm=spacing_mm))


def centroid(brain_map: BrainMap) -> npt.NDArray[np.float64]:
    """Of the lesion, in voxels."""
    return np.argwhere(brain_map.lesion).mean(axis=0)


def same(one: BrainMap, other: BrainMap) -> bool:
    return np.array_equal(one.lesion, other.lesion) and all(
        np.array_equal(one.bands[modality], other.bands[modality]) for modality in Modality
    )
