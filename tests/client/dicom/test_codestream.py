"""The size that a compressed image states."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from glioserve.dicom.codestream import size_of
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image


def encoded(kind: str, *, rows: int = 9, columns: int = 14, mode: str = "L") -> bytes:
    buffer = io.BytesIO()
    options = {"no_jp2": True} if kind == "JPEG2000" else {}
    Image.fromarray(np.zeros((rows, columns), np.uint8)).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "JPEG2000"])
@pytest.mark.parametrize(("mode", "values"), [("L", 1), ("RGB", 3)])
@settings(deadline=None)  # the encoder's time is not the matter
@given(rows=st.integers(1, 300), columns=st.integers(1, 300))
def test_the_size_is_that_of_the_image(kind: str, mode: str, values: int, rows: int, columns: int) -> None:
    assert size_of(encoded(kind, rows=rows, columns=columns, mode=mode)) == (rows, columns, values)


def test_streams_that_state_none() -> None:
    jpeg = encoded("JPEG")
    assert size_of(b"") is None
    assert size_of(b"\x00" + jpeg) is None
    assert size_of(b"\xff\xd8\x00\x00\x00\x00") is None
    assert size_of(b"\xff\xd8\xff\xda\x00\x02" + jpeg[2:]) is None, "what comes behind the pixels is no matter"
    assert size_of(b"\xff\xd8\xff" + jpeg[2:]) == (9, 14, 1), "bytes that fill up"
    with pytest.raises(struct.error):
        size_of(jpeg[:20])


@given(stream=st.binary(max_size=60), start=st.sampled_from((b"", b"\xff\xd8", b"\xff\xd8\xff", b"\xff\x4f\xff\x51")))
def test_any_bytes(stream: bytes, start: bytes) -> None:
    try:
        size = size_of(start + stream)
    except struct.error:
        return
    assert size is None or len(size) == 3
