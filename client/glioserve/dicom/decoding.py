"""Compressed pixels, decoded by libraries that damaged data can't bring down, or apart from this process.

For each transfer syntax a decoder is named that bears fuzzed data. JPEG Lossless has one decoder alone, GDCM, and on
some damaged images that one ends its process: so it runs in a process of its own.
"""

from __future__ import annotations

import io
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from pydicom import Dataset, dcmread
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    JPEG2000,
    UID,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from glioserve.dicom.codestream import check_sizes
from glioserve.errors import LocalInputError

Pixels = npt.NDArray[np.generic]

DECODERS: Mapping[UID, str] = MappingProxyType(
    {
        RLELossless: "pydicom",
        JPEGLSLossless: "pyjpegls",
        JPEGLSNearLossless: "pyjpegls",
        JPEG2000Lossless: "pillow",
        JPEG2000: "pillow",
        JPEGBaseline8Bit: "pillow",
    }
)
"""What decodes here, as pydicom calls it."""
APART = frozenset({JPEGLosslessSV1, JPEGLossless, JPEGExtended12Bit})
"""What is decoded by GDCM, apart."""
APART_TIMEOUT_S = 300.0

_LENGTH = struct.Struct("<Q")


def decode(contents: Sequence[bytes], *, field: str) -> list[tuple[Dataset, Pixels]]:
    """The pixels of files.

    Args:
        contents: Whole DICOM files.
        field: How they are called in an error.

    Returns:
        For each its header, and `[row, column]` or `[frame, row, column]` as stored.

    Raises:
        LocalInputError: No decoder knows their transfer syntax, or the one that does ended over them, or would make
            images of another size than their header says.
        Exception: They are damaged; to be called within `reading`.
    """
    datasets = [dcmread(io.BytesIO(content)) for content in contents]
    for dataset in datasets:
        if _syntax(dataset) in {*DECODERS, *APART} - {RLELossless}:
            check_sizes(dataset, field=field)
    if any(_syntax(dataset) in APART for dataset in datasets):
        found = _decode_apart(contents, field)
    else:
        found = [_decode_here(dataset, field) for dataset in datasets]
    return list(zip(datasets, found, strict=True))


def _decode_here(dataset: Dataset, field: str) -> Pixels:
    syntax = _syntax(dataset)
    if not syntax.is_encapsulated:
        return pixel_array(dataset)
    if syntax not in DECODERS:
        raise LocalInputError(field, "must be of a transfer syntax that can be decoded here", str(syntax.name))
    return pixel_array(dataset, decoding_plugin=DECODERS[syntax])


def _decode_apart(contents: Sequence[bytes], field: str) -> list[Pixels]:
    sent = b"".join(part for content in contents for part in (_LENGTH.pack(len(content)), content))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "glioserve.dicom.decoding"],
            input=sent,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # the decoder's complaints
            timeout=APART_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise LocalInputError(field, f"must be decoded within {APART_TIMEOUT_S:g} s", "more") from None
    if done.returncode != 0:
        raise LocalInputError(field, "must hold DICOM images that can be read", "a decoder that gave up")
    answer = io.BytesIO(done.stdout)
    return [np.load(answer, allow_pickle=False) for _ in contents]


def _syntax(dataset: Dataset) -> UID:
    return UID(str(dataset.file_meta.TransferSyntaxUID))


def _serve(received: BinaryIO, answer: BinaryIO) -> None:
    """The other process: files in, arrays out."""
    while head := received.read(_LENGTH.size):
        (length,) = _LENGTH.unpack(head)
        dataset = dcmread(io.BytesIO(received.read(length)))
        plugin = "gdcm" if _syntax(dataset) in APART else ""
        np.save(answer, pixel_array(dataset, decoding_plugin=plugin), allow_pickle=False)


if __name__ == "__main__":
    _serve(sys.stdin.buffer, sys.stdout.buffer)
