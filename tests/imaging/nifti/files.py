"""Small NIfTI files, made by nibabel so that our own writer is not its own judge."""

from __future__ import annotations

import struct

import nibabel as nib
import numpy as np

# Float32 values, so that an sform holds them exactly.
OBLIQUE = np.array(
    [[-0.875, 0.125, 0.0625, 90.5], [0.125, -0.875, 0.25, 80.25], [0.0, 0.25, 5.5, -70.0], [0, 0, 0, 1]],
    dtype=np.float64,
)
SHAPE = (7, 6, 5)

# Offsets of NIfTI-1 header fields (nifti1.h).
DIM, DATATYPE, BITPIX, PIXDIM, VOX_OFFSET, SLOPE, INTER, UNITS, QFORM, SFORM, SROW, MAGIC = (
    40, 70, 72, 76, 108, 112, 116, 123, 252, 254, 280, 344,
)  # fmt: skip


def voxels_of(dtype="<i2", shape=SHAPE, *, seed=0):
    return np.random.default_rng(seed).integers(0, 120, shape).astype(dtype)


def nifti(array=None, affine=OBLIQUE, *, version=1, order="<", **fields) -> bytes:
    """A raw file as nibabel writes it; `fields` are set in the header."""
    array = voxels_of() if array is None else array
    kind, image = (nib.Nifti1Header, nib.Nifti1Image) if version == 1 else (nib.Nifti2Header, nib.Nifti2Image)
    header = kind(endianness=order)
    header.set_data_dtype(array.dtype.newbyteorder(order))
    for name, value in fields.items():
        header[name] = value
    return image(array, affine, header).to_bytes()


def patched(file: bytes, offset: int, layout: str, *values) -> bytes:
    """The file with some bytes of its header overwritten."""
    content = bytearray(file)
    struct.pack_into(layout, content, offset, *values)
    return bytes(content)
