"""A gzipped NIfTI file as a server sent it, unpacked only as far as was expected."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from glioserve.atomic import write_atomic
from glioserve.errors import OutputError
from glioserve.exam_files import PathLike
from glioserve.nifti import Grid, grid_of, image_from_bytes

HEADER_RESERVE_BYTES = 64 * 1024
"""Room for a NIfTI header and its extensions."""


@dataclass(frozen=True)
class GzippedNifti:
    """One image.

    Args:
        nifti_gz: The gzipped NIfTI file, as received.
        max_voxels: More voxels than this are not unpacked.
    """

    nifti_gz: bytes = field(repr=False)
    max_voxels: int = field(repr=False, default=2**31, kw_only=True)

    @cached_property
    def image(self) -> Any:  # noqa: ANN401 - nibabel is typed in part only
        """The image as a `nibabel.Nifti1Image`.

        Raises:
            ValueError: The bytes are not a gzipped NIfTI file of the expected size.
        """
        return image_from_bytes(self._nifti())

    @property
    def grid(self) -> Grid:
        """Where its voxels lie."""
        return grid_of(self.image)

    def save(self, path: PathLike) -> None:
        """Writes the image. The file appears whole or not at all.

        Args:
            path: Ends with `.nii.gz` or `.nii`.

        Raises:
            OutputError: The name ends otherwise, or the file can't be written.
        """
        target = Path(path)
        if target.name.endswith(".nii.gz"):
            write_atomic(target, self.nifti_gz)
        elif target.name.endswith(".nii"):
            write_atomic(target, self._nifti())
        else:
            raise OutputError("an image's file name must end with .nii.gz or .nii")

    def _nifti(self) -> bytes:
        limit = 8 * self.max_voxels + HEADER_RESERVE_BYTES
        unzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        try:
            data = unzip.decompress(self.nifti_gz, limit)
        except zlib.error:
            raise ValueError("not a gzip file") from None
        if not unzip.eof:
            raise ValueError("a gzip file that is cut off, or holds more than the exam's grid needs")
        return data
