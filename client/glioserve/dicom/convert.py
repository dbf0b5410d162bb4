"""A series into a NIfTI file."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel as nib

from glioserve.atomic import write_atomic
from glioserve.dicom.geometry import stack_of
from glioserve.dicom.series import Series
from glioserve.dicom.voxels import read_voxels
from glioserve.errors import OutputError
from glioserve.exam_files import PathLike

SCANNER = 1
"""NIfTI's code of a space: the scanner's."""


def write_nifti(series: Series, path: PathLike, *, field: str = "series") -> None:
    """Writes a series as a NIfTI file that holds voxels and where they lie, and nothing else.

    The file appears whole or not at all.
    Voxel (i, j, k) is column i and row j of the k-th slice along the slices' normal; the affine leads to RAS+ mm.

    Args:
        series: Of a study that `read_study` read. Compressed images are decoded, rescale slope and intercept applied.
        path: Ends with `.nii.gz` or `.nii`.
        field: How the series is called in an error.

    Raises:
        LocalInputError: Slices are missing, doubled, unequally spaced or tilted, or pixels can't be decoded.
        OutputError: The name ends otherwise, or the file can't be written.
    """
    target = Path(path)
    if not target.name.endswith((".nii", ".nii.gz")):
        raise OutputError("an image's file name must end with .nii.gz or .nii")
    stack = stack_of(series, field=field)
    voxels = read_voxels(series, stack, field=field)
    image = nib.Nifti1Image(voxels.astype(voxels.dtype.newbyteorder("<")), stack.affine)
    image.header.set_xyzt_units("mm")
    image.set_sform(stack.affine, code=SCANNER)
    image.set_qform(stack.affine, code=SCANNER)
    data = bytes(image.to_bytes())
    write_atomic(target, gzip.compress(data, compresslevel=1) if target.name.endswith(".gz") else data)
