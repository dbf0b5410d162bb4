"""A NIfTI header, checked before a voxel is read."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

import nibabel as nib
import numpy as np
import numpy.typing as npt
from nibabel.spatialimages import HeaderDataError

from imaging.errors import GeometryError
from imaging.geometry import Grid
from imaging.nifti.errors import (
    NiftiAffineError,
    NiftiAxesError,
    NiftiDatatypeError,
    NiftiExtentError,
    NiftiHeaderError,
    NiftiTooLargeError,
    NotNiftiError,
)
from imaging.nifti.limits import NiftiLimits

HEADER_BYTES = {348: 1, 540: 2}
"""The value of `sizeof_hdr`, which is also the header's size, and the version of NIfTI it stands for."""

MAGIC = {1: b"n+1", 2: b"n+2"}
PAIR_MAGIC = {1: b"ni1", 2: b"ni2"}

# NIfTI-1 standard, DT_* codes. Complex, RGB, 1-bit and 128-bit types are left out on purpose.
DATATYPES = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8",
}  # fmt: skip
UNSUPPORTED = {
    1: "1-bit", 32: "complex64", 128: "RGB24", 1536: "float128", 1792: "complex128", 2048: "complex256", 2304: "RGBA32",
}  # fmt: skip

UNKNOWN_UNIT = 0
MILLIMETRE = 2
SPACE_UNITS = {1: "metre", 3: "micrometre"}

GEOMETRY_FIELDS = (
    "pixdim", "qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d",
    "qoffset_x", "qoffset_y", "qoffset_z", "srow_x", "srow_y", "srow_z",
)  # fmt: skip


RawHeader: TypeAlias = Any
"""A header of nibabel, which has no types."""


class AffineSource(StrEnum):
    """Which of a header's three methods the affine came from."""

    SFORM = "sform"
    QFORM = "qform"
    PIXDIM = "pixdim"
    """Neither form is set, so that left and right are a convention, not a fact of the file. Read as nibabel does:
    first axis to the left, second to the front, third up, the origin at the centre."""


@dataclass(frozen=True, eq=False)
class NiftiHeader:
    """What a header says, once it was found consistent. Free text (which may name a patient) is not kept.

    Args:
        version: 1 or 2.
        grid: Shape and affine; trailing axes of one voxel are dropped.
        affine_source: Where the affine came from. A caller that reports results must tell its user of `PIXDIM`.
        dtype: Voxel type as stored, byte order included.
        offset: Where voxels begin, in decoded bytes.
        slope: Factor from stored to real values; None where values are meant as stored.
        intercept: Summand after the factor.
        geometry: The source's own geometry fields, so that a mask can carry them bit for bit.
    """

    version: int
    grid: Grid
    affine_source: AffineSource
    dtype: np.dtype[Any]
    offset: int
    slope: float | None
    intercept: float
    geometry: dict[str, npt.NDArray[Any]] = field(repr=False)

    @property
    def voxel_bytes(self) -> int:
        """Bytes of all voxels as stored."""
        return math.prod(self.grid.shape) * self.dtype.itemsize


def header_size(start: bytes, *, field: str) -> tuple[int, str]:
    """Size and byte order (`<` or `>`) of the header that starts with these 4 bytes.

    Raises:
        NotNiftiError: No NIfTI header starts so.
    """
    for order in ("<", ">"):
        size = int(np.frombuffer(start, dtype=f"{order}i4", count=1)[0])
        if size in HEADER_BYTES:
            return size, order
    raise NotNiftiError(field, "must be a NIfTI-1 or NIfTI-2 file", "another first field than its header size")


def parse_header(block: bytes, *, field: str, limits: NiftiLimits) -> NiftiHeader:
    """The header in `block`, 348 or 540 bytes, checked.

    Raises:
        NotNiftiError: The magic is another one.
        NiftiHeaderError: Fields contradict each other or the standard.
        NiftiAxesError: There are not three axes.
        NiftiExtentError: An axis has no voxels.
        NiftiDatatypeError: The voxel type is not supported.
        NiftiTooLargeError: More voxels, or a longer header, than the limits allow.
        NiftiAffineError: The affine is singular or not finite.
    """
    size, order = header_size(block, field=field)
    version = HEADER_BYTES[size]
    kind = nib.Nifti1Header if version == 1 else nib.Nifti2Header
    raw = kind(block, endianness=order, check=False)
    _check_magic(raw, version, field)
    shape = _shape(raw, field)
    dtype = _dtype(raw, order, field)
    voxels = math.prod(shape)
    if voxels > limits.max_voxels:
        raise NiftiTooLargeError(field, f"must declare at most {limits.max_voxels} voxels", f"{voxels}, shape {shape}")
    slope, intercept = _scale(raw, field)
    affine, source = _affine(raw, field)
    try:
        grid = Grid(shape, affine, field)
    except GeometryError as error:
        raise NiftiAffineError(error.field, error.rule, error.got) from None
    return NiftiHeader(
        version=version,
        grid=grid,
        affine_source=source,
        dtype=dtype,
        offset=_offset(raw, size, field, limits),
        slope=slope,
        intercept=intercept,
        geometry={name: np.array(raw[name]) for name in GEOMETRY_FIELDS},
    )


def _check_magic(raw: RawHeader, version: int, field: str) -> None:
    magic = bytes(raw["magic"])[:3]
    if magic == PAIR_MAGIC[version]:
        raise NotNiftiError(field, "must be a single NIfTI file", "the header of a pair (.hdr and .img)")
    if magic != MAGIC[version]:
        raise NotNiftiError(field, f"must have the magic of NIfTI-{version}", "none (Analyze 7.5, or another format)")


def _shape(raw: RawHeader, field: str) -> tuple[int, int, int]:
    axes = int(raw["dim"][0])
    if not 1 <= axes <= 7:
        raise NiftiHeaderError(field, "must have 1 to 7 axes", f"{axes}")
    extents = tuple(int(extent) for extent in raw["dim"][1 : axes + 1])
    if min(extents) < 1:
        raise NiftiExtentError(field, "must have at least 1 voxel along each axis", f"shape {extents}")
    if len(extents) < 3 or max(extents[3:], default=1) > 1:
        raise NiftiAxesError(field, "must have 3 axes", f"{len(extents)}, shape {extents}")
    return extents[0], extents[1], extents[2]


def _dtype(raw: RawHeader, order: str, field: str) -> np.dtype[Any]:
    code = int(raw["datatype"])
    if code not in DATATYPES:
        raise NiftiDatatypeError(
            field, "must hold integers or floats of 8 to 64 bits", UNSUPPORTED.get(code, f"datatype code {code}")
        )
    dtype = np.dtype(f"{order}{DATATYPES[code]}")
    bits = int(raw["bitpix"])
    if bits != dtype.itemsize * 8:
        raise NiftiHeaderError(field, f"bitpix must be {dtype.itemsize * 8} for its datatype", f"{bits}")
    return dtype


def _offset(raw: RawHeader, size: int, field: str, limits: NiftiLimits) -> int:
    offset = float(raw["vox_offset"])
    # Four bytes that tell of extensions follow the header.
    if not (math.isfinite(offset) and offset == int(offset) and offset >= size + 4):
        raise NiftiHeaderError(field, f"vox_offset must be a whole number of at least {size + 4}", f"{offset:g}")
    if offset > limits.max_header_bytes:
        raise NiftiTooLargeError(
            field, f"header and extensions must be at most {limits.max_header_bytes} bytes", f"{offset:g}"
        )
    return int(offset)


def _scale(raw: RawHeader, field: str) -> tuple[float | None, float]:
    slope, intercept = float(raw["scl_slope"]), float(raw["scl_inter"])
    # Zero means "as stored" in the standard; NaN is how nibabel writes the same.
    if slope == 0 or math.isnan(slope) or (slope == 1 and intercept == 0):
        return None, 0.0
    if not (math.isfinite(slope) and math.isfinite(intercept)):
        raise NiftiHeaderError(field, "scl_slope and scl_inter must be finite", f"{slope:g} and {intercept:g}")
    return slope, intercept


def _affine(raw: RawHeader, field: str) -> tuple[npt.NDArray[np.float64], AffineSource]:
    """The sform where its code is set, else the qform, else spacing alone (see `AffineSource`)."""
    units = int(raw["xyzt_units"]) & 0x07
    if units not in (UNKNOWN_UNIT, MILLIMETRE):
        raise NiftiHeaderError(field, "lengths must be in millimetres", SPACE_UNITS.get(units, f"unit code {units}"))
    if int(raw["sform_code"]) > 0:
        with np.errstate(invalid="ignore"):  # signalling NaNs; the grid refuses what is not finite
            return np.asarray(raw.get_sform(), dtype=np.float64), AffineSource.SFORM
    if not np.isfinite(raw["pixdim"][1:4]).all():
        raise NiftiAffineError(field, "pixdim must be finite", "NaN or infinity in it")
    if int(raw["qform_code"]) > 0:
        try:
            with np.errstate(all="ignore"):
                return np.asarray(raw.get_qform(), dtype=np.float64), AffineSource.QFORM
        except (HeaderDataError, ValueError):
            raise NiftiAffineError(field, "qform must be a rotation", "an impossible quaternion or pixdim") from None
    return np.asarray(raw.get_base_affine(), dtype=np.float64), AffineSource.PIXDIM
