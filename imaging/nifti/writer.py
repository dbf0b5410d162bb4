"""Volumes to bytes, and to files that are whole or not there."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from imaging.atomic import write_atomic
from imaging.errors import GeometryError
from imaging.nifti.errors import NiftiDatatypeError, NiftiHeaderError, NiftiSuffixError
from imaging.nifti.finite import check_finite
from imaging.nifti.header import DATATYPES, MILLIMETRE, NiftiHeader, RawHeader
from imaging.volume import Volume

NIFTI1_GREATEST_EXTENT = 32767
COMPRESSION_LEVEL = 4
"""zlib's, not ISA-L's: that one's output depends on the processor, and files are compared by digest."""

GREATEST_DESCRIPTION = 79
"""`descrip` has 80 bytes, the last of them 0."""

GZIP_WBITS = 31
SCANNER_CODE = 1
"""`sform_code` and `qform_code` of scanner coordinates."""

QFORM_TOLERANCE = 1e-4
"""A qform is written where it gives the affine to this part of a voxel; with shears it can't."""


def write_nifti(
    volume: Volume, *, like: NiftiHeader | None = None, compress: bool = True, description: str = ""
) -> bytes:
    """A volume as one NIfTI file.

    Bools are stored as uint8, all else in its own type; nothing is scaled. The file holds no free text
    but the description, which is for data that are no patient's. The version is that of `like`,
    else NIfTI-1, or NIfTI-2 where an axis is too long for it.

    Args:
        volume: What to write. Label maps are uint8, as `LabelScheme.from_regions` makes them.
        like: The header of the input whose grid the volume is on. Its sform, qform and codes are copied bit
            for bit, so that every reader finds the very affine that it finds in the input. Without it the grid's
            affine is stored as sform (float32) and, unless it has shears, as qform.
        compress: Whether to gzip.
        description: The header's `descrip`, ASCII, at most 79 characters.

    Returns:
        The file's bytes. The same volume gives the same bytes with the same zlib.

    Raises:
        GeometryError: The volume is not on the grid of `like`.
        NiftiHeaderError: The description does not fit.
        NiftiDatatypeError: NIfTI has no such voxel type, or readers can't be trusted with it.
        NiftiNanError: A voxel is not a number.
        NiftiInfError: A voxel is infinite.
    """
    field = volume.grid.field
    voxels = volume.voxels.astype(np.uint8) if volume.voxels.dtype == np.bool_ else volume.voxels
    dtype = voxels.dtype.newbyteorder("<")
    if dtype.str[1:] not in DATATYPES.values():
        raise NiftiDatatypeError(field, "must hold bools, or integers or floats of 8 to 64 bits", str(voxels.dtype))
    check_finite(voxels, field)
    header = _header(volume, like, dtype, description)
    # Four zeros behind the header say that no extensions follow.
    content = b"".join((header, bytes(4), voxels.astype(dtype, copy=False).tobytes(order="F")))
    if not compress:
        return content
    return zlib.compress(content, COMPRESSION_LEVEL, wbits=GZIP_WBITS)


def write_nifti_file(path: Path, volume: Volume, *, like: NiftiHeader | None = None, description: str = "") -> None:
    """As `write_nifti`, to a `.nii` or `.nii.gz` file.

    The file appears whole or not at all: it is written beside its place under another name, flushed to the
    disk and renamed. What was there before is replaced.

    Raises:
        NiftiSuffixError: The name ends otherwise.
        GeometryError: See `write_nifti`, as for the errors of NIfTI.
        OSError: The file can't be written.
    """
    if not path.name.endswith((".nii", ".nii.gz")):
        raise NiftiSuffixError("path", "must end in .nii or .nii.gz", f"suffix {path.suffix!r}")
    content = write_nifti(volume, like=like, compress=path.name.endswith(".gz"), description=description)
    write_atomic(path, content)


def _header(volume: Volume, like: NiftiHeader | None, dtype: np.dtype[Any], description: str) -> bytes:
    if not description.isascii() or len(description) > GREATEST_DESCRIPTION:
        raise NiftiHeaderError(
            "description", f"must be at most {GREATEST_DESCRIPTION} ASCII characters", f"{len(description)} characters"
        )
    shape = volume.grid.shape
    version = like.version if like else 1 if max(shape) <= NIFTI1_GREATEST_EXTENT else 2
    header = (nib.Nifti1Header if version == 1 else nib.Nifti2Header)(endianness="<")
    header.set_data_shape(shape)
    header.set_data_dtype(dtype)
    header["magic"] = header.single_magic
    header["vox_offset"] = header.single_vox_offset
    header["xyzt_units"] = MILLIMETRE
    header["descrip"] = description.encode("ascii")
    if like is None:
        _place(header, volume)
    else:
        if volume.grid.shape != like.grid.shape or not np.array_equal(volume.grid.affine, like.grid.affine):
            raise GeometryError(volume.grid.field, "must be on the very grid of the header it is to carry", "another")
        for name, value in like.geometry.items():
            header[name] = value
    block: bytes = header.binaryblock
    return block


def _place(header: RawHeader, volume: Volume) -> None:
    """Store the grid's affine."""
    affine = volume.grid.affine
    header.set_sform(affine, code=SCANNER_CODE)
    header.set_qform(affine, code=SCANNER_CODE, strip_shears=True)
    if not np.allclose(header.get_qform(), affine, rtol=0, atol=QFORM_TOLERANCE * min(volume.grid.spacing_mm)):
        header["qform_code"] = 0
    header["pixdim"][1:4] = volume.grid.spacing_mm
