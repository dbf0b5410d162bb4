"""NIfTI files of the caller, read here for their grid and for pictures. The server reads them for itself."""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
from nibabel.filebasedimages import ImageFileError
from nibabel.orientations import OrientationError
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from glioserve.errors import LocalInputError

Voxels = npt.NDArray[np.integer[Any] | np.floating[Any]]
"""Intensities or labels, `[i, j, k]`."""

GZIP_MAGIC = b"\x1f\x8b"
AFFINE_TOLERANCE_MM = 1e-3
"""Largest difference of two affines' entries that is rounding (NIfTI stores them as float32)."""

MAX_VOXELS = 2**27
"""Of a file whose voxels are read."""
SMALL_INTEGER_BYTES = 2
"""Integers of at most this size take less room as they are than as floats."""
DEFLATE_RATIO = 1032
"""No file expands to more bytes for each of its own."""

_FAULTS = (
    *(OSError, EOFError, ValueError, ArithmeticError, MemoryError, zlib.error),
    *(ImageFileError, HeaderDataError, OrientationError, WrapStructError),
)
"""What nibabel and gzip raise for files that are not whole NIfTI images."""


@dataclass(frozen=True)
class Grid:
    """Where voxels lie.

    Args:
        shape: Voxels along I, J, K.
        affine: Voxel indices to RAS+ world, millimetres, `float64 [4, 4]`.
    """

    shape: tuple[int, ...]
    affine: npt.NDArray[np.float64]

    def equals(self, other: Grid) -> bool:
        """Whether both have one shape, and one affine but for rounding."""
        return self.shape == other.shape and bool(
            np.allclose(self.affine, other.affine, rtol=0.0, atol=AFFINE_TOLERANCE_MM)
        )


def read_grid(path: Path, *, field: str) -> Grid:
    """The grid in a file's header.

    Args:
        path: A `.nii` or `.nii.gz` file; the content decides, not the name.
        field: How the file is called in an error.

    Raises:
        LocalInputError: It can't be read, or is not NIfTI.
    """
    with _opened(path, field) as image:
        return grid_of(image)


def read_array(path: Path, *, field: str) -> Voxels:
    """The voxels of a file in closest canonical (RAS+) order, `[i, j, k]`, in the file's own intensities.

    Args:
        path: A `.nii` or `.nii.gz` file; the content decides, not the name.
        field: How the file is called in an error.

    Raises:
        LocalInputError: It can't be read, or is not NIfTI.
    """
    return read_volume(path, field=field)[0]


def read_volume(path: Path, *, field: str) -> tuple[Voxels, npt.NDArray[np.float64]]:
    """The same voxels with where they lie.

    Args:
        path: As for `read_array`.
        field: As for `read_array`.

    Returns:
        The voxels, `[i, j, k]`, as integers where the file stores small ones, else `float32`; and their indices to
        RAS+ world, millimetres, `float64 [4, 4]`.

    Raises:
        LocalInputError: It can't be read, is not NIfTI, has too many voxels, or others than real numbers.
    """
    with _opened(path, field) as image:
        _check_voxels(image, path, field)
        canonical = nib.as_closest_canonical(image)
        voxels = np.asarray(canonical.dataobj)
        if voxels.dtype.kind == "f" or voxels.dtype.itemsize > SMALL_INTEGER_BYTES:
            voxels = voxels.astype(np.float32, copy=False)
        return voxels, np.asarray(canonical.affine, dtype=np.float64)


def image_from_bytes(data: bytes) -> Any:  # noqa: ANN401 - nibabel is typed in part only
    """The nibabel image in the bytes of a `.nii` file.

    Raises:
        ValueError: They are not NIfTI.
    """
    try:
        return nib.Nifti1Image.from_bytes(data)
    except _FAULTS as error:
        raise ValueError(f"not a NIfTI-1 image: {type(error).__name__}") from None


def grid_of(image: Any) -> Grid:  # noqa: ANN401 - nibabel is typed in part only
    """The grid of a nibabel image."""
    return Grid(tuple(int(size) for size in image.shape), np.asarray(image.affine, dtype=np.float64))


def _check_voxels(image: Any, path: Path, field: str) -> None:  # noqa: ANN401 - nibabel is typed in part only
    """Before room is made for them: headers of broken files declare anything."""
    voxels, dtype = math.prod(image.shape), image.get_data_dtype()
    if dtype.kind not in "iuf":
        raise LocalInputError(field, "must hold integers or floats", "voxels of another type")
    if voxels > MAX_VOXELS:
        raise LocalInputError(field, f"must have at most {MAX_VOXELS} voxels", "more")
    if voxels * dtype.itemsize > DEFLATE_RATIO * path.stat().st_size:
        raise LocalInputError(field, "must hold the voxels that its header declares", "fewer")


@contextmanager
def _opened(path: Path, field: str) -> Iterator[Any]:
    try:
        with path.open("rb") as raw:
            magic = raw.read(2)
            raw.seek(0)
            with gzip.open(raw) if magic == GZIP_MAGIC else raw as stream, np.errstate(all="ignore"):
                yield _image_class(stream).from_stream(stream)
    except LocalInputError:
        raise
    except _FAULTS as error:
        raise LocalInputError(field, "must be a NIfTI file that can be read", type(error).__name__) from None


def _image_class(stream: Any) -> Any:  # noqa: ANN401 - nibabel is typed in part only
    """NIfTI-1 or NIfTI-2, by the header's size in its first four bytes."""
    size = stream.read(4)
    stream.seek(0)
    return nib.Nifti2Image if 540 in {int.from_bytes(size, "little"), int.from_bytes(size, "big")} else nib.Nifti1Image
