"""Whole DICOM files to change: two small studies of four contrasts, and one contrast in each way to store pixels."""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from glioserve import Modality
from PIL import Image
from pydicom import FileDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    UID,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from tests.client.dicom.studies import AS_ACQUIRED, NUMBERS, Writer, axial, head
from tests.fuzz.parcel import Base

SHAPE = (10, 9, 3)
SPACING = (12.0, 13.0, 45.0)
STUDY, FRAME = UID("1.2.826.0.1.3680043.8.498.1"), UID("1.2.826.0.1.3680043.8.498.2")
PACKED = ("explicit", "implicit", "rle", "jpeg-ls", "jpeg-2000")
APART = "jpeg-lossless"
"""The one that is decoded in another process, which takes long to start."""


@cache
def studies() -> dict[Base, tuple[bytes, ...]]:
    """A whole study of each kind, which is read and chosen from without a fault."""
    return {Base.CLASSIC: _exam(enhanced=False), Base.ENHANCED: _exam(enhanced=True), Base.NOTHING: ()}


@cache
def packed(kind: str) -> tuple[bytes, ...]:
    """The T1's slices, with their pixels stored in one of the ways `PACKED` or `APART`."""
    with tempfile.TemporaryDirectory() as folder:
        writer = Writer(Path(folder), STUDY, FRAME)
        writer.classic(
            head(Modality.T1, SHAPE),
            AS_ACQUIRED[Modality.T1],
            NUMBERS[Modality.T1],
            affine=axial(SPACING),
            change=_named(NUMBERS[Modality.T1], kind),
        )
        files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        if kind == APART:
            for path in files:
                subprocess.run([Path(sys.executable).with_name("gdcmconv"), "--jpeg", path, path], check=True)
        return tuple(path.read_bytes() for path in files)


def _exam(*, enhanced: bool) -> tuple[bytes, ...]:
    with tempfile.TemporaryDirectory() as folder:
        writer = Writer(Path(folder), STUDY, FRAME)
        for modality, acquired in AS_ACQUIRED.items():
            number, array = NUMBERS[modality], head(modality, SHAPE)
            named = _named(number, "explicit")
            if enhanced:
                writer.enhanced(array, acquired, number, affine=axial(SPACING), change=partial(named, 0))
            else:
                writer.classic(array, acquired, number, affine=axial(SPACING), change=named)
        return tuple(path.read_bytes() for path in sorted(Path(folder).rglob("*")) if path.is_file())


def _named(number: int, kind: str) -> Callable[[int, FileDataset], None]:
    """UIDs that are the same in every run, so that a seed's files belong to the study; then the pixels are packed."""
    syntaxes = {"rle": RLELossless, "jpeg-ls": JPEGLSLossless}

    def change(k: int, dataset: FileDataset) -> None:
        dataset.SeriesInstanceUID = f"{STUDY}.{number}"
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = UID(f"{STUDY}.{number}.{k + 1}")
        if kind in syntaxes:
            dataset.compress(syntaxes[kind], generate_instance_uid=False)
        elif kind == "jpeg-2000":
            buffer = io.BytesIO()
            Image.fromarray(pixel_array(dataset)).save(
                buffer, "JPEG2000", no_jp2=True, irreversible=False, num_resolutions=2
            )
            dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
            dataset.PixelData = encapsulate([buffer.getvalue()])
            dataset["PixelData"].VR = "OB"
        elif kind == "implicit":
            dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian

    return change
