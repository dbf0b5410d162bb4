"""Planes by contrasts: a grey picture, and one transparent layer per region on top of it."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from glioserve.render.contours import SIDE_OF, Side, dotted, outline
from glioserve.render.palette import BACKGROUND, BRAIN_RGB, INK, INK_DIM, MODALITY_TITLE, REFERENCE_RGB, REGION_RGB, Rgb
from glioserve.render.planes import Plane
from glioserve.render.scene import Mask, Masks, Scene
from glioserve.render.views import View
from glioserve.terms import Modality, Region

LARGEST_TILE_PX = 340
"""Longest side of the largest picture in the montage; all others have the same scale."""
GAP_PX = 10
HEAD_PX = 34
SIDE_PX = 84
HALO_OPACITY = 0.65
SCALE_BAR_MM = 50.0

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Layout:
    """Where the pictures lie.

    Args:
        px_per_mm: Scale of all pictures.
        tiles: Left, top, width and height of each picture, pixels.
        size: Width and height of the whole, pixels.
    """

    px_per_mm: float
    tiles: dict[tuple[Plane, Modality], Box]
    size: tuple[int, int]


def font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The typeface that comes with Pillow, so that pictures are the same everywhere."""
    return ImageFont.load_default(size_px)


def picture_sizes(scene: Scene, *, largest_px: int) -> tuple[dict[Plane, tuple[int, int]], float]:
    """Width and height of a picture of each plane, pixels, all at one scale; and the scale, pixels per millimetre."""
    extents_mm = [size * spacing for size, spacing in zip(scene.shape, scene.spacing_mm, strict=True)]
    px_per_mm = largest_px / max(extents_mm)
    sizes = {
        plane: (
            max(1, round(extents_mm[plane.column_axis] * px_per_mm)),
            max(1, round(extents_mm[plane.row_axis] * px_per_mm)),
        )
        for plane in Plane
    }
    return sizes, px_per_mm


def layout_of(scene: Scene) -> Layout:
    """Rows of planes, columns of contrasts, every picture in the middle of its cell."""
    sizes, px_per_mm = picture_sizes(scene, largest_px=LARGEST_TILE_PX)
    cell_width = max(width for width, _ in sizes.values())
    tiles: dict[tuple[Plane, Modality], Box] = {}
    top = HEAD_PX
    for plane, (width, height) in sizes.items():
        for column, modality in enumerate(Modality):
            left = SIDE_PX + column * (cell_width + GAP_PX) + (cell_width - width) // 2
            tiles[plane, modality] = (left, top, width, height)
        top += height + GAP_PX
    return Layout(px_per_mm, tiles, (SIDE_PX + len(Modality) * (cell_width + GAP_PX), top))


def draw_base(scene: Scene, view: View, layout: Layout) -> Image.Image:
    """The grey pictures with headings, the letters of the patient's sides, and a scale, mode `RGB`."""
    canvas = Image.new("RGB", layout.size, BACKGROUND)
    draw = ImageDraw.Draw(canvas)
    for (plane, modality), (left, top, width, height) in layout.tiles.items():
        grey = scene.picture(modality, plane, view.slices[plane], (width, height))
        canvas.paste(Image.fromarray(grey), (left, top))
        draw_letters(draw, plane, (left, top, width, height))
    cell_width = (layout.size[0] - SIDE_PX) // len(Modality)
    for column, modality in enumerate(Modality):
        middle = SIDE_PX + column * cell_width + (cell_width - GAP_PX) // 2
        draw.text((middle, HEAD_PX // 2), MODALITY_TITLE[modality], fill=INK, font=font(17), anchor="mm")
    for plane in Plane:
        _, top, _, height = layout.tiles[plane, Modality.T1]
        number = scene.origin[plane.axis] + view.slices[plane] + 1
        middle = top + height // 2
        draw.text((10, middle - 9), plane.value.capitalize(), fill=INK, font=font(15), anchor="lm")
        draw.text((10, middle + 10), f"{number} / {scene.full_shape[plane.axis]}", INK_DIM, font(12), anchor="lm")
    _draw_scale(draw, layout)
    return canvas


def draw_layer(masks: Masks, region: Region, view: View, layout: Layout) -> Image.Image:
    """The outlines of one region over all pictures, in the region's colour, mode `RGBA`, transparent elsewhere."""
    return _draw_outlines(masks[region], view, layout, colour=REGION_RGB[region], side=SIDE_OF[region], dots=False)


def draw_reference_layer(masks: Masks, region: Region, view: View, layout: Layout) -> Image.Image:
    """The same of a reference: white and dotted, so that it is told apart where it agrees."""
    return _draw_outlines(masks[region], view, layout, colour=REFERENCE_RGB, side=SIDE_OF[region], dots=True)


def draw_brain_layer(brain: Mask, view: View, layout: Layout) -> Image.Image:
    """The outline of the brain, likewise, in a colour of its own."""
    return _draw_outlines(brain, view, layout, colour=BRAIN_RGB, side=Side.OUTSIDE, dots=False)


def _draw_outlines(mask: Mask, view: View, layout: Layout, *, colour: Rgb, side: Side, dots: bool) -> Image.Image:
    layer = Image.new("RGBA", layout.size, (*colour, 0))
    for plane in Plane:
        _, _, width, height = layout.tiles[plane, Modality.T1]
        cut = plane.cut(mask, view.slices[plane])
        if not cut.any():
            continue
        line, halo = outline(cut, (width, height), side=side)
        if dots:
            line, halo = dotted(line), dotted(halo)
        tile = Image.new("RGBA", (width, height))
        tile.putalpha(halo.point([round(HALO_OPACITY * value) for value in range(256)]))
        coloured = Image.new("RGBA", (width, height), (*colour, 0))
        coloured.putalpha(line)
        tile.alpha_composite(coloured)
        for modality in Modality:
            layer.paste(tile, layout.tiles[plane, modality][:2])
    return layer


def draw_letters(draw: ImageDraw.ImageDraw, plane: Plane, box: Box) -> None:
    """The letters of the patient's sides at the edges of a picture."""
    left, top, width, height = box
    above, below, west, east = plane.letters
    places = (
        (above, left + width // 2, top + 3, "mt"),
        (below, left + width // 2, top + height - 3, "mb"),
        (west, left + 4, top + height // 2, "lm"),
        (east, left + width - 4, top + height // 2, "rm"),
    )
    for letter, across, down, anchor in places:
        draw.text((across, down), letter, INK_DIM, font(13), anchor=anchor, stroke_width=1, stroke_fill=BACKGROUND)


def _draw_scale(draw: ImageDraw.ImageDraw, layout: Layout) -> None:
    length = round(SCALE_BAR_MM * layout.px_per_mm)
    right, bottom = layout.size[0] - GAP_PX - 6, layout.size[1] - GAP_PX - 8
    draw.line((right - length, bottom, right, bottom), fill=INK, width=2)
    for end in (right - length, right):
        draw.line((end, bottom - 4, end, bottom + 4), fill=INK, width=2)
    draw.text(
        (right - length // 2, bottom - 6),
        f"{SCALE_BAR_MM:.0f} mm",
        INK,
        font(13),
        anchor="mb",
        stroke_width=2,
        stroke_fill=BACKGROUND,
    )
