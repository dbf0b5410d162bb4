"""How bright a contrast is, so coarsely that it tells of scanners and protocols and not of a patient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

_STEP = 3
_SMALLEST = 2.0**-20


@dataclass(frozen=True)
class Intensity:
    """How bright a contrast is as sent, of the voxels that are not 0, coarsely.

    Args:
        mean: In the file's own units, to two significant bits: 96, 128, 192, ...
        variation: Standard deviation over the mean's size, to 0.01.
    """

    mean: float
    variation: float

    @classmethod
    def of(cls, voxels: npt.NDArray[Any]) -> Self:
        """The intensity of a volume `[i, j, k]`, by every third voxel along each axis."""
        few = voxels[::_STEP, ::_STEP, ::_STEP]
        shown = few[few != 0].astype(np.float64)
        if shown.size == 0:
            return cls(0.0, 0.0)
        mean = float(shown.mean())
        size = max(abs(mean), _SMALLEST)
        step = 2.0 ** (np.floor(np.log2(size)) - 1)
        return cls(float(np.round(mean / step) * step), round(float(shown.std()) / size, 2))
