"""What a compressed image says of its own size, looked up before a decoder makes room for it.

Decoders believe it rather than the header, so that some bytes could ask for gigabytes.
"""

from __future__ import annotations

import struct

from pydicom import Dataset
from pydicom.encaps import generate_frames

from glioserve.errors import LocalInputError

Size = tuple[int, int, int]
"""Rows, columns, and values per pixel."""

_JPEG = b"\xff\xd8"
_JPEG_2000 = b"\xff\x4f\xff\x51"
_FRAME_HEADERS = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
"""Of JPEG and, the last one, of JPEG-LS."""
_SCAN = 0xDA
_SEGMENT = struct.Struct(">BBH")
_FRAME = struct.Struct(">xHHB")
_GRID = struct.Struct(">xxxxxxxxIIIIxxxxxxxxxxxxxxxxH")


def check_sizes(dataset: Dataset, *, field: str) -> None:
    """Checks all frames of an image in JPEG, JPEG-LS or JPEG 2000.

    Args:
        dataset: The image.
        field: How it is called in an error.

    Raises:
        LocalInputError: A frame is of another size than the header says, has several values per pixel, or says nothing.
        Exception: It is damaged; to be called within `reading`.
    """
    expected = (dataset.Rows, dataset.Columns, 1)
    for frame in generate_frames(dataset.PixelData, number_of_frames=int(dataset.get("NumberOfFrames") or 1)):
        if size_of(frame) != expected:
            raise LocalInputError(field, "must hold grey images of the size that their header states", "another")


def size_of(stream: bytes) -> Size | None:
    """The size that a stream states; None where it states none before its first pixels.

    Raises:
        struct.error: It ends too early.
    """
    if stream.startswith(_JPEG_2000):
        right, bottom, left, top, values = _GRID.unpack_from(stream)
        return bottom - top, right - left, values
    if not stream.startswith(_JPEG):
        return None
    at = len(_JPEG)
    while True:
        mark, kind, length = _SEGMENT.unpack_from(stream, at)
        if mark != 0xFF or kind == _SCAN:
            return None
        if kind in _FRAME_HEADERS:
            rows, columns, values = _FRAME.unpack_from(stream, at + _SEGMENT.size)
            return rows, columns, values
        at += 1 if kind == 0xFF else 2 + length
