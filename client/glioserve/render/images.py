"""Pictures as parts of an HTML page."""

from __future__ import annotations

import base64
import io
from html import escape

from PIL import Image

JPEG_QUALITY = 85


def jpeg_tag(image: Image.Image, *, classes: str, alt: str) -> str:
    """A grey picture, which loses what nobody sees."""
    buffer = io.BytesIO()
    image.convert("L").save(buffer, format="JPEG", quality=JPEG_QUALITY, optimize=True)
    return _tag(buffer.getvalue(), "jpeg", image.size, classes, alt)


def png_tag(image: Image.Image, *, classes: str, alt: str) -> str:
    """A picture of few colours with transparent parts. A palette makes it small, and quick to compress."""
    buffer = io.BytesIO()
    image.quantize().save(buffer, format="PNG")
    return _tag(buffer.getvalue(), "png", image.size, classes, alt)


def _tag(data: bytes, kind: str, size: tuple[int, int], classes: str, alt: str) -> str:
    source = f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
    width, height = size
    return f'<img class="{classes}" alt="{escape(alt)}" width="{width}" height="{height}" src="{source}">'
