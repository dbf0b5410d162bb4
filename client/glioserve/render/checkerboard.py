"""Two contrasts in one picture, square by square: where they do not fit, edges break at the squares' borders."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from glioserve.render.montage import draw_letters, picture_sizes
from glioserve.render.palette import BACKGROUND
from glioserve.render.scene import Scene
from glioserve.terms import Modality

LARGEST_TILE_PX = 300
"""Longest side of the largest of the three pictures; all have the same scale."""
SQUARE_MM = 20.0
GAP_PX = 8


def checkerboard(scene: Scene, modality: Modality, *, as_sent: bool) -> Image.Image:
    """The T1CE and another contrast in three planes through the middle of the brain, side by side, mode `L`.

    Args:
        scene: What is drawn.
        modality: The other contrast.
        as_sent: Lay it by the world coordinates of the files; else as it was segmented.
    """
    sizes, px_per_mm = picture_sizes(scene, largest_px=LARGEST_TILE_PX)
    height = max(rows for _, rows in sizes.values())
    canvas = Image.new("RGB", (sum(columns + GAP_PX for columns, _ in sizes.values()) - GAP_PX, height), BACKGROUND)
    draw = ImageDraw.Draw(canvas)
    left = 0
    for plane, size in sizes.items():
        top = (height - size[1]) // 2
        index = scene.centre[plane.axis]
        fixed = scene.picture(Modality.T1CE, plane, index, size)
        other = scene.picture(modality, plane, index, size, as_sent=as_sent)
        rows, columns = np.indices(fixed.shape) // max(1, round(SQUARE_MM * px_per_mm))
        canvas.paste(Image.fromarray(np.where((rows + columns) % 2, other, fixed)), (left, top))
        draw_letters(draw, plane, (left, top, *size))
        left += size[0] + GAP_PX
    return canvas.convert("L")
