"""What can be wrong with a NIfTI file, one class per cause, so that a caller can say what to mend."""

from __future__ import annotations

from imaging.errors import ImagingError


class NiftiError(ImagingError):
    """Base of every fault of a NIfTI file."""


class NotNiftiError(NiftiError):
    """The bytes are something else: a text file, a DICOM file, Analyze 7.5, half of a NIfTI pair."""


class NiftiTruncatedError(NiftiError):
    """The file ends before its header, its gzip stream or its declared voxels do."""


class NiftiGzipError(NiftiError):
    """The gzip stream is corrupt: bad blocks, a wrong checksum, or something else behind it."""


class NiftiExpansionError(NiftiError):
    """The gzip stream expands beyond what its header declares or beyond the allowed ratio (a gzip bomb)."""


class NiftiTooLargeError(NiftiError):
    """More bytes were sent, or more voxels are declared, than the limits allow."""


class NiftiTimeoutError(NiftiError):
    """Decoding took longer than the limits allow."""


class NiftiHeaderError(NiftiError):
    """Header fields that contradict each other or the standard."""


class NiftiAxesError(NiftiError):
    """Not three axes: a time series, several channels, or a single slice."""


class NiftiExtentError(NiftiError):
    """An axis of no voxels, or of a negative number of them."""


class NiftiDatatypeError(NiftiError):
    """A voxel type that no exam has: complex, RGB, one bit, 128 bits, or an unknown code."""


class NiftiNanError(NiftiError):
    """A voxel is not a number."""


class NiftiInfError(NiftiError):
    """A voxel is infinite, as stored or once its scale is applied."""


class NiftiAffineError(NiftiError):
    """The affine is singular or not finite, so that voxels have no place in the world."""


class NiftiSuffixError(NiftiError):
    """A file name to write to that ends in neither .nii nor .nii.gz."""
