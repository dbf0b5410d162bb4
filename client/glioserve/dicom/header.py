"""What is read of an image's header, classic or enhanced. Of the patient it is an ID alone, to tell two apart."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

from pydicom import Dataset, dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.filereader import read_dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    EnhancedMRImageStorage,
    LegacyConvertedEnhancedMRImageStorage,
    MRImageStorage,
)

from glioserve.dicom.container import FIELD
from glioserve.dicom.series import Slice, Vector
from glioserve.errors import LocalInputError

MULTIFRAME = frozenset({EnhancedMRImageStorage, LegacyConvertedEnhancedMRImageStorage})
MR_IMAGES = MULTIFRAME | {MRImageStorage}

PREAMBLE_BYTES = 128
MAGIC = b"DICM"
META_GROUP = 0x0002

_KEYWORDS = (
    "PatientID StudyInstanceUID SeriesInstanceUID SeriesNumber FrameOfReferenceUID "
    "SeriesDescription ProtocolName ImageType ScanningSequence RepetitionTime EchoTime InversionTime InversionTimes "
    "ContrastBolusAgent ContrastBolusAgentSequence ContrastBolusVolume DiffusionBValue AngioFlag "
    "NumberOfTemporalPositions ComplexImageComponent AcquisitionContrast "
    "EchoPulseSequence EchoPlanarPulseSequence "
    "Rows Columns ImagePositionPatient ImageOrientationPatient PixelSpacing NumberOfFrames "
    "SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence"
)
_TAGS: list[int] = [tag for tag in map(tag_for_keyword, _KEYWORDS.split()) if tag is not None]
CONVERTED = ("UnassignedPerFrameConvertedAttributesSequence", "UnassignedSharedConvertedAttributesSequence")
"""Where an image that was converted from classic ones keeps what has no place of its own."""

NO_AGENT = frozenset({"", "NO", "NONE", "N", "N/A", "NA", "0", "NO CONTRAST", "WITHOUT", "NIL"})
"""What people write for no contrast agent, upper case."""


@dataclass(frozen=True)
class Header:
    """One file's.

    Args:
        dataset: The attributes named above.
        multiframe: An enhanced image.
    """

    dataset: Dataset
    multiframe: bool

    def text(self, keyword: str) -> str:
        """A value as text, stripped; empty where there is none."""
        value = self.dataset.get(keyword)
        return "" if value is None else str(value).strip()

    def frames(self) -> Iterator[FrameHeader]:
        """One per slice."""
        if not self.multiframe:
            yield FrameHeader(self.dataset, (self.dataset,))
            return
        shared = _items(self.dataset, "SharedFunctionalGroupsSequence")
        for own in _items(self.dataset, "PerFrameFunctionalGroupsSequence"):
            yield FrameHeader(self.dataset, (own, *shared))


@dataclass(frozen=True)
class FrameHeader:
    """What holds for one slice.

    Args:
        dataset: The file's.
        groups: Where its functional groups are looked up, in order; the file's header itself for a classic image.
    """

    dataset: Dataset
    groups: tuple[Dataset, ...]

    def value(self, keyword: str, *macros: str) -> Any:  # noqa: ANN401 - of any of DICOM's types
        """A value of the first functional group that has it, else of the file itself; None where there is none."""
        items = (item for group in self.groups for macro in (*macros, *CONVERTED) for item in _items(group, macro))
        found = (item.get(keyword) for item in (*items, self.dataset))
        return next((value for value in found if value is not None), None)

    def place(self, name: str, index: int) -> Slice:
        """Where it lies.

        Args:
            name: Of the file.
            index: Of the frame in it, from 0.
        """
        return Slice(
            name=name,
            frame=index,
            rows=int(number(self.dataset.get("Rows")) or 0),
            columns=int(number(self.dataset.get("Columns")) or 0),
            position=vector(self.value("ImagePositionPatient", "PlanePositionSequence"), 3),
            orientation=vector(self.value("ImageOrientationPatient", "PlaneOrientationSequence"), 6),
            spacing=vector(self.value("PixelSpacing", "PixelMeasuresSequence"), 2),
        )


def read_header(stream: BinaryIO) -> Header | str:
    """The header of an MR image, or why the file is passed over.

    Args:
        stream: The file, at its start. No more of it is read than its header.

    Raises:
        LocalInputError: It is an MR image whose header is deflated.
        Exception: It is damaged; to be called within `reading`.
    """
    if stream.read(PREAMBLE_BYTES + len(MAGIC))[PREAMBLE_BYTES:] != MAGIC:
        return "not DICOM"
    meta = read_dataset(stream, is_implicit_VR=False, is_little_endian=True, stop_when=_after_meta)
    kind = str(meta.get("MediaStorageSOPClassUID", ""))
    if kind not in MR_IMAGES:
        return "not MR images"
    if meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
        # pydicom would inflate all of it at once, however large it is
        raise LocalInputError(FIELD, "must hold images whose headers are not deflated", "one that is")
    stream.seek(0)
    return Header(dcmread(stream, stop_before_pixels=True, specific_tags=_TAGS), multiframe=kind in MULTIFRAME)


@contextmanager
def reading(field: str = FIELD) -> Iterator[None]:
    """Work with what libraries make of a file, whatever the file holds.

    Args:
        field: How the file is called in an error.

    Raises:
        LocalInputError: They can't make anything of it.
    """
    try:
        yield
    except LocalInputError:
        raise
    except Exception as error:  # noqa: BLE001 - on damaged files the libraries raise whatever they stumble over
        raise LocalInputError(field, "must hold DICOM images that can be read", type(error).__name__) from None


def number(value: Any) -> float | None:  # noqa: ANN401 - of any of DICOM's types
    """A value as a finite number; None where it is none, or several."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def vector(value: Any, length: int) -> Vector:  # noqa: ANN401 - of any of DICOM's types
    """Values as finite numbers; empty where they are not, or not so many."""
    try:
        found = tuple(float(each) for each in value)
    except (TypeError, ValueError):
        return ()
    return found if len(found) == length and all(map(math.isfinite, found)) else ()


def agent_of(dataset: Dataset) -> bool | None:
    """Whether a contrast agent is stated; None where nothing is said."""
    if _items(dataset, "ContrastBolusAgentSequence"):
        return True
    stated = dataset.get("ContrastBolusAgent")
    if stated is None:
        return True if (number(dataset.get("ContrastBolusVolume")) or 0.0) > 0 else None
    text = str(stated).strip().upper()
    return None if not text else text not in NO_AGENT


def _items(dataset: Dataset, keyword: str) -> tuple[Dataset, ...]:
    found = dataset.get(keyword)
    return () if not found else tuple(found)


def _after_meta(tag: Any, vr: str | None, length: int) -> bool:  # noqa: ANN401, ARG001 - pydicom's callback
    return bool(tag.group != META_GROUP)
