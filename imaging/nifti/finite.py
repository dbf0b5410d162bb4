"""No voxel is NaN or infinite."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from imaging.nifti.errors import NiftiInfError, NiftiNanError


def check_finite(voxels: npt.NDArray[np.generic], field: str) -> None:
    """Check an array `[...]` of any integer or float type.

    Raises:
        NiftiNanError: A voxel is not a number.
        NiftiInfError: A voxel is infinite.
    """
    if not np.issubdtype(voxels.dtype, np.floating):
        return
    # Least and greatest value need no array of flags, and NaN spreads to both.
    with np.errstate(invalid="ignore"):
        extremes = np.array([voxels.min(), voxels.max()])
    if np.isnan(extremes).any():
        raise NiftiNanError(field, "voxels must be numbers", "NaN")
    if np.isinf(extremes).any():
        raise NiftiInfError(field, "voxels must be finite", "infinity")
