"""Outlines of masks, smooth at any size."""

from __future__ import annotations

import math
from enum import Enum

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageFilter

from glioserve.terms import Region

OVERSAMPLING = 3
"""Outlines are made this much larger than they are shown, then averaged down, which takes the jaggedness away."""
LINE_PX = 2
HALO_PX = 1
DOT_PX = 5


class Side(Enum):
    """Where a line lies on the border that it marks, so that lines of equal borders lie beside each other."""

    OUTSIDE = "outside"
    MIDDLE = "middle"
    INSIDE = "inside"


SIDE_OF = {Region.WT: Side.OUTSIDE, Region.TC: Side.MIDDLE, Region.ET: Side.INSIDE}


def outline(mask: npt.NDArray[np.bool_], size: tuple[int, int], *, side: Side) -> tuple[Image.Image, Image.Image]:
    """The outline of a mask, and the dark halo that keeps it visible on bright tissue.

    Args:
        mask: `bool [row, column]`, not empty.
        size: Width and height of the outcome, pixels.
        side: Where the line lies.

    Returns:
        The opacity of the line and of the halo, mode `L`, of that size.
    """
    left, right = _reached(np.flatnonzero(mask.any(axis=0)), mask.shape[1], size[0])
    top, bottom = _reached(np.flatnonzero(mask.any(axis=1)), mask.shape[0], size[1])
    across, down = mask.shape[1] / size[0], mask.shape[0] / size[1]
    large = ((right - left) * OVERSAMPLING, (bottom - top) * OVERSAMPLING)
    shape = Image.fromarray(mask.astype(np.uint8) * 255).resize(
        large, Image.Resampling.BILINEAR, box=(left * across, top * down, right * across, bottom * down)
    )
    shape = shape.point([0] * 128 + [255] * 128)
    width = LINE_PX * OVERSAMPLING
    outward = {Side.OUTSIDE: width, Side.MIDDLE: width // 2, Side.INSIDE: 0}[side]
    inward = width - outward
    halo = HALO_PX * OVERSAMPLING
    line = _band(shape, outward=outward, inward=inward)
    around = _band(shape, outward=outward + halo, inward=inward + halo)
    part = (right - left, bottom - top)
    opacities = (Image.new("L", size), Image.new("L", size))
    for opacity, band in zip(opacities, (line, around), strict=True):
        opacity.paste(band.resize(part, Image.Resampling.BOX), (left, top))
    return opacities


def dotted(opacity: Image.Image) -> Image.Image:
    """A line as dots, for what is not ours but a reference's."""
    rows, columns = np.indices((opacity.height, opacity.width)) // DOT_PX
    return ImageChops.multiply(opacity, Image.fromarray(((rows + columns) % 2 * 255).astype(np.uint8)))


def _reached(at: npt.NDArray[np.intp], voxels: int, pixels: int) -> tuple[int, int]:
    """Which pixels along one side of a picture an outline can touch: the first, and the first beyond the last.

    Args:
        at: Where the mask is, voxels, in order.
        voxels: Of that side.
        pixels: Of that side.
    """
    scale, reach_px = pixels / voxels, LINE_PX + HALO_PX + 1
    first = math.floor((int(at[0]) - 1) * scale) - reach_px
    last = math.ceil((int(at[-1]) + 2) * scale) + reach_px
    return max(first, 0), min(last, pixels)


def _band(shape: Image.Image, *, outward: int, inward: int) -> Image.Image:
    return ImageChops.subtract(_grown(shape, outward), _shrunk(shape, inward))


# A box blur is above 0 wherever the box meets the shape, and 255 wherever it lies inside; unlike rank filters, its
# cost does not grow with the box.


def _grown(shape: Image.Image, pixels: int) -> Image.Image:
    return shape.filter(ImageFilter.BoxBlur(pixels)).point([0] + [255] * 255) if pixels else shape


def _shrunk(shape: Image.Image, pixels: int) -> Image.Image:
    return shape.filter(ImageFilter.BoxBlur(pixels)).point([0] * 255 + [255]) if pixels else shape
