"""Changes to DICOM files that know what is where in them."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from pydicom import Dataset, config, dcmread
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.uid import (
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    EnhancedMRImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    MRImageStorage,
    RLELossless,
)

from tests.client.dicom.studies import AS_ACQUIRED
from tests.fuzz.dicom_bases import APART, PACKED, packed, studies
from tests.fuzz.parcel import Base, Parcel

_DECIMALS = (
    "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "RescaleSlope",
    "RescaleIntercept", "EchoTime", "RepetitionTime", "InversionTime", "DiffusionBValue", "SeriesNumber",
    "NumberOfFrames", "NumberOfTemporalPositions", "ContrastBolusVolume", "InversionTimes", "EffectiveEchoTime",
)  # fmt: skip
_SHORTS = (
    "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel",
    "PlanarConfiguration",
)  # fmt: skip
_TEXTS = (
    "PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SeriesDescription", "ProtocolName", "ImageType",
    "ScanningSequence", "ContrastBolusAgent", "AngioFlag", "FrameOfReferenceUID", "PhotometricInterpretation",
    "EchoPulseSequence", "AcquisitionContrast", "SpecificCharacterSet", "SOPClassUID", "FrameType",
)  # fmt: skip
_SEQUENCES = (
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "ModalityLUTSequence",
    "ContrastBolusAgentSequence", "PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence",
    "PixelValueTransformationSequence", "UnassignedSharedConvertedAttributesSequence",
)  # fmt: skip
_SYNTAXES = (
    ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, RLELossless,
    JPEGLSLossless, JPEG2000Lossless, JPEG2000, JPEGBaseline8Bit, MRImageStorage, "", "1.2.3",
)  # fmt: skip
_MARKERS = (
    b"\xff\x51",
    b"\xff\x52",
    b"\xff\xf7",
    b"\xff\xc0",
    b"\xff\xc3",
    b"\xff\xda",
    b"\xff\x90",
    b"\xfe\xff\x00\xe0",
)
"""Of JPEG streams, where sizes are, and of encapsulated items."""
_NUMBER_TEXTS = (
    "0", "-0", "1", "-1", "0.001", "1e-300", "1e300", "-1e38", "3e38", "1e308", "nan", "inf", "-inf", "1e5", "1000",
    "999999999999", "0x10", "", " ", "one", "1\\2", "1\\2\\3", "0\\0\\0", "1\\0\\0\\0\\1\\0", "0\\0\\0\\0\\0\\0",
    "1e300\\0\\0", "0\\0\\1e38", "0\\0\\1e200", "0\\0\\-90", "0\\0\\45.01", "1e4\\1e4", "1e-4\\1e-4", "1e308\\1e308",
    "0.6\\0.8\\0\\-0.8\\0.6\\0", "0\\1\\0\\0\\0\\-1", "nan\\0\\0",
)  # fmt: skip
_WORDS = ("", "T1", "T2", "+C", "FLAIR", "DERIVED", "ORIGINAL", "M", "EP", "\\", "Y", "NO", "MONOCHROME1", "RGB",
          "PALETTE COLOR", "ISO 2022 IR 87", "ISO_IR 192", "\xff", "\x1b$B", "\0", "a" * 70)  # fmt: skip
_SHORT_VALUES = (
    0,
    1,
    2,
    3,
    7,
    8,
    9,
    10,
    12,
    15,
    16,
    17,
    31,
    32,
    33,
    64,
    127,
    255,
    256,
    1000,
    32767,
    32768,
    40000,
    65535,
)
DEEPEST = 1500
RARELY = 150


@st.composite
def inputs(draw: st.DrawFn) -> bytes:
    """Parcels with one to three files changed, sometimes archives with bytes changed."""
    base = draw(st.sampled_from(Base))
    whole = studies()[base]
    kind = APART if draw(st.integers(0, RARELY)) == RARELY else draw(st.sampled_from(PACKED))
    if not whole or draw(st.integers(0, 3)) == 0:
        places = range(3)
        whole = packed(kind)
    else:
        files_of_a_series = len(whole) // len(AS_ACQUIRED)
        first = files_of_a_series * draw(st.integers(0, len(AS_ACQUIRED) - 1))
        places = range(first, first + files_of_a_series)
    changed = draw(st.sampled_from(places))
    alike = draw(st.booleans())
    edits = draw(st.lists(_edits(), min_size=1, max_size=4))
    files = [(place, _apply(whole[place], edits) if alike or place == changed else whole[place]) for place in places]
    if draw(st.integers(0, 7)) == 0:
        files.append((draw(st.integers(0, 255)), draw(st.sampled_from(files))[1]))
    parcel = Parcel(base, zipped=draw(st.booleans()), files=tuple(files))
    if draw(st.integers(0, 9)) == 0:
        return Parcel(Base.NOTHING, zipped=True, files=(), raw=_archive(draw, files)).to_bytes()
    return parcel.to_bytes()


def _archive(draw: st.DrawFn, files: list[tuple[int, bytes]]) -> bytes:
    """A zip archive with some of its own bytes changed."""
    buffer = io.BytesIO()
    method = draw(st.sampled_from((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)))
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for number, (place, content) in enumerate(files):
            name = draw(st.sampled_from((f"{place}", f"../{place}", f"/{place}", "a" * 300, f"{place}/")))
            archive.writestr(zipfile.ZipInfo(f"{number}{name}"), content, method)
    data = bytearray(buffer.getvalue())
    signatures = [at for mark in (b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06") for at in _all(bytes(data), mark)]
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.sampled_from(signatures)) + draw(st.integers(4, 46))
        data[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
    return bytes(data)


Edit = tuple[str, Any]
"""What is done, and with what."""


def _edits() -> st.SearchStrategy[Edit]:
    keywords = st.sampled_from((*_DECIMALS, *_SHORTS, *_TEXTS, *_SEQUENCES, "PixelData"))
    numbers = st.sampled_from(_NUMBER_TEXTS) | st.floats().map(str)
    lengths = st.sampled_from((0, 1, 2, 3, 0xFFFE, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)) | st.integers(
        0, 2**32 - 1
    )
    return st.one_of(
        *[st.tuples(st.just("text"), st.tuples(st.sampled_from(_DECIMALS), numbers))] * 3,
        st.tuples(st.just("text"), st.tuples(st.sampled_from(_TEXTS), st.sampled_from(_WORDS) | st.text(max_size=12))),
        st.tuples(st.just("text"), st.tuples(st.sampled_from(_TEXTS), st.sampled_from(_WORDS).map(lambda a: a * 3000))),
        st.tuples(st.just("short"), st.tuples(st.sampled_from(_SHORTS), st.sampled_from(_SHORT_VALUES))),
        st.tuples(st.just("delete"), keywords),
        st.tuples(st.just("raw"), st.tuples(keywords, st.binary(max_size=24))),
        st.tuples(st.just("length"), st.tuples(keywords, lengths)),
        st.tuples(st.just("nest"), st.tuples(st.sampled_from(_SEQUENCES), st.integers(0, DEEPEST))),
        st.tuples(st.just("syntax"), st.sampled_from(_SYNTAXES)),
        st.tuples(st.just("class"), st.sampled_from((MRImageStorage, EnhancedMRImageStorage, "", "1.2"))),
        st.tuples(st.just("cut"), st.floats(0, 1)),
        st.tuples(st.just("bytes"), st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=8))),
        st.tuples(
            st.just("marker"),
            st.tuples(st.sampled_from(_MARKERS), st.integers(2, 20), st.binary(min_size=1, max_size=8)),
        ),
    )


def _apply(content: bytes, edits: list[Edit]) -> bytes:
    """Changes what the header says first, then bytes, which need not be DICOM any more."""
    of_header: dict[str, Callable[[Dataset, Any], None]] = {
        "text": _text,
        "short": _short,
        "delete": _delete,
        "raw": _raw,
        "syntax": _syntax,
        "class": _class,
    }
    dataset = dcmread(io.BytesIO(content))
    with config.disable_value_validation():
        for name, value in edits:
            if name in of_header:
                of_header[name](dataset, value)
        content = _written(dataset, content)
    of_bytes: dict[str, Callable[[bytes, Any], bytes]] = {
        "nest": _nest,
        "length": _length,
        "cut": _cut,
        "bytes": _bytes,
        "marker": _marker,
    }
    for name, value in edits:
        if name in of_bytes:
            content = of_bytes[name](content, value)
    return content


def _written(dataset: Dataset, otherwise: bytes) -> bytes:
    """The file, or what it was where pydicom can't write what was asked for."""
    buffer = io.BytesIO()
    syntax = str(dataset.file_meta.get("TransferSyntaxUID", ""))
    implicit, little = dataset.original_encoding
    try:
        if syntax in {ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, "", "1.2.3", MRImageStorage}:
            dataset.save_as(buffer, implicit_vr=implicit, little_endian=little, force_encoding=True)
        else:
            dataset.save_as(buffer)
    except Exception:  # noqa: BLE001 - whatever it stumbles over
        return otherwise
    return buffer.getvalue()


def _element(dataset: Dataset, keyword: str, vr: str, value: Any) -> None:
    """Sets an attribute where the file has it: in its functional groups, or at the top."""
    tag = tag_for_keyword(keyword) or 0
    holders = [each for each in _all_datasets(dataset, depth=3) if tag in each] or [dataset]
    for holder in holders:
        holder[tag] = DataElement(tag, vr, value)


def _all_datasets(dataset: Dataset, *, depth: int) -> list[Dataset]:
    items = [item for element in dataset if element.VR == "SQ" and depth for item in element.value]
    return [dataset, *(found for item in items for found in _all_datasets(item, depth=depth - 1))]


def _text(dataset: Dataset, value: tuple[str, str]) -> None:
    """In the way of the attribute where that takes the text, else as a long text, which is not read as a number."""
    keyword, text = value
    try:
        _element(dataset, keyword, dictionary_VR(keyword), text)
    except (ValueError, TypeError, OverflowError):
        _element(dataset, keyword, "UT", text)


def _short(dataset: Dataset, value: tuple[str, int]) -> None:
    _element(dataset, value[0], "US", value[1])


def _raw(dataset: Dataset, value: tuple[str, bytes]) -> None:
    _element(dataset, value[0], "OB", value[1])


def _delete(dataset: Dataset, keyword: str) -> None:
    for each in _all_datasets(dataset, depth=3):
        if keyword in each:
            delattr(each, keyword)


def _syntax(dataset: Dataset, uid: str) -> None:
    dataset.file_meta.TransferSyntaxUID = UID(uid)


def _class(dataset: Dataset, uid: str) -> None:
    dataset.file_meta.MediaStorageSOPClassUID = UID(uid)


def _length(content: bytes, value: tuple[str, int]) -> bytes:
    """The length that an attribute states."""
    keyword, length = value
    tag = tag_for_keyword(keyword) or 0
    places = _all(content, struct.pack("<HH", tag >> 16, tag & 0xFFFF))
    if not places:
        return content
    at = places[-1] + 4
    if content[at : at + 2] in {b"SQ", b"OB", b"OW", b"UT", b"UN"}:
        return content[: at + 4] + struct.pack("<I", length) + content[at + 8 :]
    if content[at : at + 2].isalpha():
        return content[: at + 2] + struct.pack("<H", length & 0xFFFF) + content[at + 4 :]
    return content[:at] + struct.pack("<I", length) + content[at + 4 :]


def _nest(content: bytes, value: tuple[str, int]) -> bytes:
    """A sequence in a sequence in a sequence, of undefined lengths, in front of all else."""
    keyword, depth = value
    tag = tag_for_keyword(keyword) or 0
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    head += b"\xff\xff\xff\xff" if b"1.2.840.10008.1.2\0" in content else b"SQ\0\0\xff\xff\xff\xff"
    start = 144 + int.from_bytes(content[140:144], "little")
    ends = (b"\xfe\xff\x0d\xe0\0\0\0\0" + b"\xfe\xff\xdd\xe0\0\0\0\0") * depth
    return content[:start] + (head + b"\xfe\xff\x00\xe0\xff\xff\xff\xff") * depth + ends + content[start:]


def _cut(content: bytes, share: float) -> bytes:
    return content[: round(share * len(content))]


def _bytes(content: bytes, value: tuple[float, bytes]) -> bytes:
    at = round(value[0] * len(content))
    return content[:at] + value[1] + content[at + len(value[1]) :]


def _marker(content: bytes, value: tuple[bytes, int, bytes]) -> bytes:
    marker, behind, new = value
    at = content.find(marker, content.find(b"\xe0\x7f\x10\x00"))
    if at < 0:
        return content
    at += behind
    return content[:at] + new + content[at + len(new) :]


def _all(content: bytes, mark: bytes) -> list[int]:
    found = []
    at = content.find(mark)
    while at >= 0:
        found.append(at)
        at = content.find(mark, at + 1)
    return found
