"""A case as the page shows it: one axial slice in every contrast, and the lesion's outlines as paths."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from PIL import Image
from skimage.measure import find_contours

from imaging.exam import Exam
from imaging.modality import Modality
from imaging.regions import BoolVolume, Region, RegionMasks

CONVENTION = "Radiological convention: the patient's left is on the right of the picture, anterior is up."

MARGIN = 6
"""Voxels of background around the brain."""
WHITE_PERCENTILE = 99.8
"""What white stands for, of a contrast's values in the brain on this slice."""


@dataclass(frozen=True)
class CasePicture:
    """One slice of a case.

    Args:
        case_id: Whose.
        modalities: The contrasts, from left to right.
        png: They side by side, 8-bit grey; radiological: the patient's left is on the right, anterior is up.
        size: Width and height of one contrast, pixels.
        pixel_mm: Width and height of a pixel.
        outlines: Of each region, the `d` of an SVG path in one contrast's pixels; empty where it is not on the slice.
    """

    case_id: str
    modalities: tuple[Modality, ...]
    png: bytes = field(repr=False)
    size: tuple[int, int]
    pixel_mm: tuple[float, float]
    outlines: Mapping[Region, str] = field(repr=False, hash=False)


def picture_of(case_id: str, exam: Exam, regions: RegionMasks) -> CasePicture:
    """Draw the axial slice on which most of the tumour is; of equals the lowest.

    Args:
        case_id: Whose.
        exam: One to four contrasts, skull-stripped: what is 0 in all of them is background.
        regions: WT, TC and ET, `bool [i, j, k]`, on the exam's grid. Where WT is empty, the largest slice is drawn.
    """
    turn = exam.grid.reorientation.apply
    contrasts = {modality: turn(volume.voxels) for modality, volume in exam.volumes.items()}
    masks = {region: turn(regions[region]) for region in Region}
    brain = np.logical_or.reduce([voxels != 0 for voxels in contrasts.values()])
    shown = masks[Region.WT] if masks[Region.WT].any() else brain
    level = int(np.argmax(np.count_nonzero(shown, axis=(0, 1))))
    box = tuple(_extent(brain[:, :, level].any(axis=axis)) for axis in (1, 0))
    tiles = [_grey(voxels[:, :, level][box]) for voxels in contrasts.values()]
    height, width = tiles[0].shape
    buffer = io.BytesIO()
    Image.fromarray(np.hstack(tiles)).save(buffer, format="PNG", optimize=True)
    across, down, _ = exam.grid.reorientation.target.spacing_mm
    return CasePicture(
        case_id=case_id,
        modalities=tuple(contrasts),
        png=buffer.getvalue(),
        size=(width, height),
        pixel_mm=(across, down),
        outlines={region: _outline(masks[region][:, :, level][box]) for region in Region},
    )


def _extent(occupied: npt.NDArray[np.bool_]) -> slice:
    """From the first to the last that is occupied, and a margin; all where none is."""
    where = np.flatnonzero(occupied)
    return slice(max(int(where[0]) - MARGIN, 0), int(where[-1]) + 1 + MARGIN) if where.size else slice(None)


def _grey(voxels: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    """A slice `[i, j]` as greys `[row, column]`, turned as radiologists look at it."""
    values = _turned(voxels).astype(np.float32)
    inside = values[values != 0]
    white = float(np.percentile(inside, WHITE_PERCENTILE)) if inside.size else 0.0
    return (
        np.rint(np.clip(values / white, 0.0, 1.0) * 255).astype(np.uint8)
        if white > 0
        else np.zeros_like(values, np.uint8)
    )


def _outline(mask: BoolVolume | npt.NDArray[np.bool_]) -> str:
    """The border of a mask `[i, j]` as an SVG path, in pixels of the turned slice."""
    padded = np.pad(_turned(mask), 1).astype(np.float32)
    paths = []
    for contour in find_contours(padded, 0.5):
        points = [f"{column - 0.5:.1f} {row - 0.5:.1f}" for row, column in contour[:-1]]
        paths.append(f"M{'L'.join(points)}Z")
    return "".join(paths)


def _turned(slice_: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """`[i, j]`, I to the right and J to the front, as `[row, column]`, anterior up and the right on the left."""
    return slice_.T[::-1, ::-1]
