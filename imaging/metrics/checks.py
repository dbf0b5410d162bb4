"""What every metric asks of its arguments. Faults are typed errors; nothing is converted or guessed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from imaging.errors import MetricError
from imaging.regions import BoolVolume


def check_masks(prediction: BoolVolume, reference: BoolVolume, *, brain: BoolVolume | None = None) -> None:
    """Check that masks are boolean volumes of one shape.

    Args:
        prediction: `bool [i, j, k]`.
        reference: `bool [i, j, k]`.
        brain: `bool [i, j, k]`, where a metric needs it.

    Raises:
        MetricError: A mask is not boolean, has not 3 axes, holds no voxel position, or the shapes differ.
    """
    named: list[tuple[str, npt.NDArray[np.generic]]] = [("prediction", prediction), ("reference", reference)]
    if brain is not None:
        named.append(("brain", brain))
    for field, mask in named:
        if mask.dtype != np.bool_:
            raise MetricError(field, "must be boolean", f"{mask.dtype}")
        if mask.ndim != 3 or mask.size == 0:
            raise MetricError(field, "must have 3 axes of at least 1 voxel", f"shape {mask.shape}")
        if mask.shape != reference.shape:
            raise MetricError(field, f"must have the reference's shape {reference.shape}", f"{mask.shape}")


def check_spacing(spacing_mm: Sequence[float]) -> tuple[float, float, float]:
    """Check a voxel spacing.

    Args:
        spacing_mm: Distance between voxel centres along I, J, K.

    Returns:
        The three distances.

    Raises:
        MetricError: There are not exactly 3, or one is not a positive finite number.
    """
    spacing = tuple(float(distance) for distance in spacing_mm)
    if len(spacing) != 3 or not all(math.isfinite(distance) and distance > 0 for distance in spacing):
        raise MetricError("spacing_mm", "must be 3 positive finite numbers", f"{spacing}")
    return spacing[0], spacing[1], spacing[2]
