"""Between a volume and the cube that a network sees: the nearest voxels, whatever the spacing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Scalar = TypeVar("Scalar", bound=np.generic)

LEVELS = 255
"""The brightest level of a cube, and the certain probability of an answer."""


def resize(array: npt.NDArray[Scalar], shape: Sequence[int]) -> npt.NDArray[Scalar]:
    """An array stretched or shrunk to a shape: each voxel is the one that its centre falls into.

    Args:
        array: `[i, j, k]`, none of its extents 0.
        shape: Of what is wanted.

    Returns:
        A new array of that shape. Both ways the same rule, so that what was enlarged shrinks back to itself.
    """
    centres = (
        ((2 * np.arange(wanted) + 1) * extent) // (2 * wanted)
        for wanted, extent in zip(shape, array.shape, strict=True)
    )
    return array[np.ix_(*centres)]


def to_levels(voxels: npt.NDArray[np.generic], *, low: float, high: float) -> npt.NDArray[np.uint8]:
    """Intensities as levels from 0 (`low` and darker) to `LEVELS` (`high` and brighter).

    Args:
        voxels: Of any shape and real type.
        low: Below `high`.
        high: Above `low`.
    """
    unit = (voxels.astype(np.float32) - np.float32(low)) * np.float32(LEVELS / (high - low))
    np.rint(np.clip(unit, 0, LEVELS, out=unit), out=unit)
    return unit.astype(np.uint8)
