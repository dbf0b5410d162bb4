"""A slice as readers see it, in a file that tells nothing but the picture."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

CONVENTION = "Radiological convention: the patient's left is on the right of the picture, anterior is up."


MARGIN_PIXELS = 6


def display_pngs(images: Sequence[npt.NDArray[np.float32]]) -> list[bytes]:
    """Turn slices as radiologists look at them, cut them to one frame, and encode them.

    Args:
        images: `float32 [i, j]`, 0 to 1, all of one shape; I to the patient's right, J to the front.

    Returns:
        8-bit grey PNGs `[row, column]` without metadata. All have one size: they lose the border that is black in every
        one of them, and they are not compressed, as what a network drew may compress unlike what a scanner measured.
    """
    greys = np.round(np.stack(images) * 255).astype(np.uint8).transpose(0, 2, 1)[:, ::-1, ::-1]
    brightest = greys.max(axis=0)
    rows, columns = (_span(brightest.max(axis=axis)) for axis in (1, 0))
    return [_png(grey[rows, columns]) for grey in greys]


def _span(brightest: npt.NDArray[np.uint8]) -> slice:
    """From the first to the last line that is not black, and a margin; all lines where there is none."""
    lines = np.flatnonzero(brightest)
    return slice(max(lines[0] - MARGIN_PIXELS, 0), lines[-1] + 1 + MARGIN_PIXELS) if lines.size else slice(None)


def _png(grey: npt.NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(grey)).save(buffer, format="PNG", compress_level=0)
    return buffer.getvalue()
