"""Nearest voxels, and which of them a volume has."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from imaging.regions import BoolVolume

Indices = npt.NDArray[np.intp]
"""Voxel indices, `[n, 3]`."""
_TIE = 0.5 + 1e-3
"""Halfway between two voxels the upper one is taken, always: rounding errors would make a pure shift tear."""


def nearest(positions: npt.NDArray[np.floating]) -> npt.NDArray[np.intp]:
    """The nearest whole numbers; from halfway, the larger one."""
    return np.floor(positions + positions.dtype.type(_TIE)).astype(np.intp)


def lookup(mask: BoolVolume, voxels: Indices) -> npt.NDArray[np.bool_]:
    """A mask's values at voxels, `bool [n]`; False past its ends."""
    there = ((voxels >= 0) & (voxels < mask.shape)).all(axis=1)
    found = np.zeros(len(voxels), dtype=bool)
    found[there] = mask[tuple(voxels[there].T)]
    return found
