"""NIfTI in and out: bytes to volumes under limits, volumes to bytes and files that are never half-written."""

from imaging.nifti.errors import (
    NiftiAffineError,
    NiftiAxesError,
    NiftiDatatypeError,
    NiftiError,
    NiftiExpansionError,
    NiftiExtentError,
    NiftiGzipError,
    NiftiHeaderError,
    NiftiInfError,
    NiftiNanError,
    NiftiSuffixError,
    NiftiTimeoutError,
    NiftiTooLargeError,
    NiftiTruncatedError,
    NotNiftiError,
)
from imaging.nifti.header import AffineSource, NiftiHeader
from imaging.nifti.limits import NiftiLimits
from imaging.nifti.reader import (
    NiftiImage,
    read_nifti,
    read_nifti_file,
    read_nifti_header,
    read_nifti_header_file,
    read_nifti_image,
    read_nifti_image_file,
)
from imaging.nifti.writer import write_nifti, write_nifti_file

__all__ = [
    "AffineSource",
    "NiftiAffineError",
    "NiftiAxesError",
    "NiftiDatatypeError",
    "NiftiError",
    "NiftiExpansionError",
    "NiftiExtentError",
    "NiftiGzipError",
    "NiftiHeader",
    "NiftiHeaderError",
    "NiftiImage",
    "NiftiInfError",
    "NiftiLimits",
    "NiftiNanError",
    "NiftiSuffixError",
    "NiftiTimeoutError",
    "NiftiTooLargeError",
    "NiftiTruncatedError",
    "NotNiftiError",
    "read_nifti",
    "read_nifti_file",
    "read_nifti_header",
    "read_nifti_header_file",
    "read_nifti_image",
    "read_nifti_image_file",
    "write_nifti",
    "write_nifti_file",
]
