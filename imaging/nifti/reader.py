"""Bytes to volumes, under limits."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from imaging.nifti.errors import (
    NiftiExpansionError,
    NiftiHeaderError,
    NiftiTooLargeError,
    NiftiTruncatedError,
)
from imaging.nifti.finite import check_finite
from imaging.nifti.header import NiftiHeader, header_size, parse_header
from imaging.nifti.limits import DEFAULT_LIMITS, NiftiLimits
from imaging.nifti.stream import DecodedStream, Source
from imaging.volume import Volume


@dataclass(frozen=True, eq=False)
class NiftiImage:
    """A volume with the header it came with."""

    volume: Volume
    header: NiftiHeader


def read_nifti(source: Source, *, field: str, limits: NiftiLimits = DEFAULT_LIMITS) -> Volume:
    """Read a volume from a NIfTI-1 or NIfTI-2 file, raw or gzipped, of either byte order.

    Integers stay integers of the stored type where the header asks for no scaling; scaled values are
    float32; unscaled floats keep their type. Voxels are in native byte order and Fortran order, as stored.
    The affine is the sform's, else the qform's, else made from the spacing; `read_nifti_image` tells which.

    Args:
        source: The file's bytes, or an open binary file, which is read to its end.
        field: How the file is named in an error, e.g. `t1ce`. Never a file name.
        limits: What it may cost.

    Raises:
        NiftiError: One subclass per cause, see `imaging.nifti.errors`.
    """
    return read_nifti_image(source, field=field, limits=limits).volume


def read_nifti_file(path: Path, *, field: str, limits: NiftiLimits = DEFAULT_LIMITS) -> Volume:
    """As `read_nifti`, from a file.

    Raises:
        NiftiError: One subclass per cause.
        OSError: The file can't be read.
    """
    return read_nifti_image_file(path, field=field, limits=limits).volume


def read_nifti_image(source: Source, *, field: str, limits: NiftiLimits = DEFAULT_LIMITS) -> NiftiImage:
    """As `read_nifti`, with the header."""
    stream = DecodedStream(source, field=field, limits=limits)
    header, consumed = _take_header(stream, field, limits)
    gap = header.offset - consumed
    stored = stream.take(header.voxel_bytes) if stream.skip(gap) == gap else bytearray()
    if len(stored) < header.voxel_bytes:
        raise NiftiTruncatedError(
            field, f"must hold {header.voxel_bytes} bytes of voxels as its header says", f"{len(stored)}"
        )
    # Reading on to the end checks the gzip checksum; what lies there is passed over, not kept.
    if stream.skip(limits.slack_bytes + 1) > limits.slack_bytes:
        rule = f"must end at most {limits.slack_bytes} bytes behind the voxels that its header declares"
        if stream.gzipped:
            raise NiftiExpansionError(field, rule, "more bytes")
        raise NiftiHeaderError(field, rule, "more bytes")
    flat = np.frombuffer(stored, dtype=header.dtype)
    if not header.dtype.isnative:
        flat = flat.byteswap(inplace=True).view(header.dtype.newbyteorder("="))
    voxels = _scaled(flat, header)
    check_finite(voxels, field)
    return NiftiImage(Volume(voxels.reshape(header.grid.shape, order="F"), header.grid), header)


def read_nifti_image_file(path: Path, *, field: str, limits: NiftiLimits = DEFAULT_LIMITS) -> NiftiImage:
    """As `read_nifti_file`, with the header."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > limits.max_bytes:
            raise NiftiTooLargeError(field, f"must be at most {limits.max_bytes} bytes as sent", f"{size}")
        return read_nifti_image(file, field=field, limits=limits)


def read_nifti_header(source: Source, *, field: str, limits: NiftiLimits = DEFAULT_LIMITS) -> NiftiHeader:
    """The header alone, at the cost of the first few bytes. Raises as `read_nifti` does for headers."""
    return _take_header(DecodedStream(source, field=field, limits=limits), field, limits)[0]


def read_nifti_header_file(path: Path, *, field: str, limits: NiftiLimits = DEFAULT_LIMITS) -> NiftiHeader:
    """As `read_nifti_header`, from a file."""
    with path.open("rb") as file:
        return read_nifti_header(file, field=field, limits=limits)


def _take_header(stream: DecodedStream, field: str, limits: NiftiLimits) -> tuple[NiftiHeader, int]:
    block = stream.take(4)
    size = header_size(bytes(block), field=field)[0] if len(block) == 4 else 348
    block += stream.take(size - len(block))
    if len(block) < size:
        raise NiftiTruncatedError(field, f"must hold a header of {size} bytes", f"{len(block)}")
    return parse_header(bytes(block), field=field, limits=limits), size


def _scaled(stored: npt.NDArray[Any], header: NiftiHeader) -> npt.NDArray[Any]:
    if header.slope is None:
        return stored
    with np.errstate(over="ignore", invalid="ignore"):
        voxels = stored.astype(np.float32)
        voxels *= np.float32(header.slope)
        voxels += np.float32(header.intercept)
    return voxels
