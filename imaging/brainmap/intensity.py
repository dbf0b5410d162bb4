"""Intensities from 0 to 1, the scale on which brain maps are banded and synthetic images are drawn."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from imaging.errors import ExamError
from imaging.regions import BoolVolume

WHITE_PERCENTILE = 99.9
"""Of a contrast's voxels in the brain: this becomes 1. The very maximum is a vessel or an artefact."""


def to_unit_range(
    voxels: npt.NDArray[np.generic], brain: BoolVolume, *, field: str = "volume"
) -> npt.NDArray[np.float32]:
    """Intensities as shares of the brain's 99.9th percentile, clipped to 0 to 1, and 0 outside the brain.

    Args:
        voxels: `[i, j, k]`, any real type.
        brain: `bool [i, j, k]`.
        field: How the contrast is named in an error.

    Returns:
        `float32 [i, j, k]`, 0 to 1.

    Raises:
        ExamError: The contrast is nowhere positive inside the brain.
    """
    inside = voxels[brain].astype(np.float32)
    white = float(np.percentile(inside, WHITE_PERCENTILE)) if inside.size else 0.0
    if white <= 0.0:
        raise ExamError(field, "must be positive inside the brain", f"a {WHITE_PERCENTILE}th percentile of {white:g}")
    unit = np.zeros(voxels.shape, dtype=np.float32)
    unit[brain] = np.clip(inside / np.float32(white), 0.0, 1.0)
    return unit
