"""A skull about a skull-stripped brain, so that brain extraction has something to take away."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from imaging.brain.components import fill_holes
from imaging.errors import ExamError
from imaging.volume import Volume

SHELLS = ((14.0, 1.3), (9.0, 0.06), (3.0, 0.3))
"""Scalp, skull and fluid, outside in: how far each reaches from the brain, in mm, and its intensity as a share of the
brain's bright tissue. T1-weighted: fat is bright, bone and fluid are dark."""


NOISE = 0.05
"""Of what lies outside the brain, air too: standard deviation, as a share of the brain's bright tissue."""


def with_skull(volume: Volume, *, seed: int = 0, field: str = "volume") -> Volume:
    """A head about a brain: shells of fluid, bone and fat, and noise about them. Crude, and no patient's.

    Args:
        volume: Skull-stripped and T1-weighted: zero outside the brain.
        seed: Of the noise.
        field: How the volume is named in an error.

    Returns:
        `float32` on the same grid, not negative; the brain's voxels as they were.

    Raises:
        ExamError: The volume is empty.
    """
    brain = fill_holes(volume.voxels != 0)
    if not brain.any():
        raise ExamError(field, "must hold a brain", "only zeros")
    head = volume.voxels.astype(np.float32)
    bright = float(np.percentile(head[brain], 90))
    away_mm = ndimage.distance_transform_edt(~brain, sampling=volume.grid.spacing_mm)
    for reach_mm, share in SHELLS:
        head[~brain & (away_mm <= reach_mm)] = share * bright
    noise = np.random.default_rng(seed).normal(0.0, NOISE * bright, head.shape).astype(np.float32)
    # A magnitude image: noise about air is positive too.
    return Volume(np.where(brain, head, np.abs(head + noise)).astype(np.float32), volume.grid)
