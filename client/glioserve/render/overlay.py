"""`overlay.png`: the result at one glance."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw

from glioserve.documents import DISCLAIMER
from glioserve.render.montage import GAP_PX, SIDE_PX, draw_base, draw_layer, font, layout_of
from glioserve.render.palette import BACKGROUND, INK, INK_DIM, REGION_RGB
from glioserve.render.scene import Scene
from glioserve.render.views import view_of_all
from glioserve.results import SegmentationResult
from glioserve.terms import Region
from glioserve.wording import REGION_TITLE, millilitres

FOOT_PX = 64
COMPRESSION = 3
"""Of the PNG; at zlib's usual 6 it is as large, and takes twice as long."""
CONVENTION = "Radiological convention: the patient's right is on the left of axial and coronal slices."


def overlay_png(result: SegmentationResult, scene: Scene) -> bytes:
    """Three planes by four contrasts with the outlines of all regions, a legend and a scale; PNG."""
    layout = layout_of(scene)
    view = view_of_all(scene)
    montage = draw_base(scene, view, layout).convert("RGBA")
    for region in Region:
        montage.alpha_composite(draw_layer(scene.masks, region, view, layout))
    width, height = montage.size
    canvas = Image.new("RGB", (width, height + FOOT_PX), BACKGROUND)
    canvas.paste(montage.convert("RGB"), (0, 0))
    _draw_legend(ImageDraw.Draw(canvas), result, top=height, width=width)
    buffer = io.BytesIO()
    canvas.save(buffer, format="PNG", compress_level=COMPRESSION)
    return buffer.getvalue()


def _draw_legend(draw: ImageDraw.ImageDraw, result: SegmentationResult, *, top: int, width: int) -> None:
    left = float(SIDE_PX)
    for region in Region:
        volume_ml = result.volume_ml(region)
        text = f"{region.name}  {REGION_TITLE[region].lower()}  "
        figure = millilitres(volume_ml) if volume_ml else "none found"
        draw.line((left, top + 16, left + 26, top + 16), fill=REGION_RGB[region], width=4)
        draw.text((left + 36, top + 16), text, INK_DIM, font(15), anchor="lm")
        left += 36 + draw.textlength(text, font(15))
        draw.text((left, top + 16), figure, INK, font(15), anchor="lm")
        left += draw.textlength(figure, font(15)) + 40
    draw.text((SIDE_PX, top + 44), CONVENTION, INK_DIM, font(12), anchor="lm")
    draw.text((width - GAP_PX - 6, top + 44), f"glioserve. {DISCLAIMER}", INK_DIM, font(12), anchor="rm")
