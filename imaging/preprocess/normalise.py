"""Intensities: where the brain is, and its z-scores."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from imaging.errors import ExamError
from imaging.modality import Modality
from imaging.regions import BoolVolume

Z_LIMIT = 5.0
"""Z-scores are clipped to plus and minus this: beyond lie vessels and artefacts, whose height says nothing."""


def find_brain(voxels: Mapping[Modality, npt.NDArray[np.generic]]) -> BoolVolume:
    """The brain of a skull-stripped exam: where any modality is not zero.

    Args:
        voxels: `[i, j, k]` per modality, all of one shape; at least one.

    Returns:
        `bool [i, j, k]`.

    Raises:
        ExamError: All voxels of all modalities are zero.
    """
    first, *others = voxels.values()
    brain = np.asarray(first != 0, dtype=bool)
    for array in others:  # a reduction over all of them would copy each
        np.logical_or(brain, array != 0, out=brain)
    if not brain.any():
        raise ExamError("exam", "must hold a brain", "only zeros in every modality")
    return brain


def z_score(voxels: npt.NDArray[np.generic], brain: BoolVolume, *, field: str = "volume") -> npt.NDArray[np.float32]:
    """Intensities as z-scores inside the brain, 0 outside.

    Mean and standard deviation are those of the brain's voxels that this modality covers (is not zero at),
    so that a modality acquired over part of the brain is scaled by the part that it shows.

    Args:
        voxels: `[i, j, k]`, any real type.
        brain: `bool [i, j, k]`.
        field: How the modality is named in an error.

    Returns:
        `float32 [i, j, k]`, from -5 to 5.

    Raises:
        ExamError: The modality is constant inside the brain, so that it shows nothing.
    """
    inside = voxels[brain].astype(np.float32)
    covered = inside[inside != 0]
    mean = covered.mean(dtype=np.float64, keepdims=True) if covered.size else np.zeros(1)
    deviation = float(covered.std(dtype=np.float64, mean=mean)) if covered.size else 0.0
    if deviation <= 0.0:
        raise ExamError(field, "must vary inside the brain", "one constant value")
    inside -= np.float32(mean[0])
    inside /= np.float32(deviation)
    scores = np.zeros(voxels.shape, dtype=np.float32)
    scores[brain] = np.clip(inside, -Z_LIMIT, Z_LIMIT, out=inside)
    return scores
