"""The label map that a server sends back."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from glioserve.atomic import write_atomic
from glioserve.errors import OutputError
from glioserve.exam_files import PathLike
from glioserve.nifti import Grid, grid_of, image_from_bytes
from glioserve.terms import LabelScheme, Region

HEADER_RESERVE_BYTES = 64 * 1024
"""Room for a NIfTI header and its extensions."""


@dataclass(frozen=True)
class LabelMap:
    """Labels on the grid of the exam as it was sent.

    Args:
        nifti_gz: The gzipped NIfTI file, as received.
        label_scheme: What its values mean.
        max_voxels: More voxels than this are not unpacked.
    """

    nifti_gz: bytes = field(repr=False)
    label_scheme: LabelScheme
    max_voxels: int = field(repr=False, default=2**31)

    @cached_property
    def image(self) -> Any:  # noqa: ANN401 - nibabel is typed in part only
        """The label map as a `nibabel.Nifti1Image`.

        Raises:
            ValueError: The bytes are not a gzipped NIfTI file of the expected size.
        """
        return image_from_bytes(self._nifti())

    @cached_property
    def array(self) -> npt.NDArray[np.uint8]:
        """The labels in the file's own voxel order, `uint8 [i, j, k]`, read-only.

        Raises:
            ValueError: As for `image`, or the file holds fewer voxels than its header says.
        """
        try:
            labels = np.asarray(self.image.dataobj).astype(np.uint8)
        except OSError:
            raise ValueError("a NIfTI file with fewer voxels than its header says") from None
        labels.flags.writeable = False
        return labels

    @property
    def grid(self) -> Grid:
        """Where its voxels lie."""
        return grid_of(self.image)

    def mask(self, region: Region) -> npt.NDArray[np.bool_]:
        """The voxels of a region, `bool [i, j, k]`."""
        return np.isin(self.array, sorted(self.label_scheme.region_labels[region]))

    def save(self, path: PathLike) -> None:
        """Writes the label map. The file appears whole or not at all.

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
            raise OutputError("a label map's file name must end with .nii.gz or .nii")

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
