"""What a rigid motion does, in figures that people read."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt


def rotation_deg(motion: npt.NDArray[np.float64]) -> float:
    """By how much a rigid motion `[4, 4]` turns, degrees, 0 to 180."""
    # The antisymmetric part keeps small angles exact, where the trace alone loses them to rounding.
    turn = motion[:3, :3]
    axis = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]])
    return math.degrees(math.atan2(float(np.linalg.norm(axis)), float(np.trace(turn)) - 1.0))


def shift_mm(motion: npt.NDArray[np.float64], at: npt.NDArray[np.float64]) -> float:
    """How far a rigid motion `[4, 4]` takes the point `at`, `[3]`, millimetres."""
    return float(np.linalg.norm(motion[:3, :3] @ at + motion[:3, 3] - at))
