"""The golden head: a fixed input whose answer is recorded beside every network of brain extraction."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from imaging.brain.cube import LEVELS
from imaging.pipeline.golden import SIDE, SLICES

PLANES = (24, 40)
"""The planes along K of an answer that are recorded."""


def golden_head() -> npt.NDArray[np.uint8]:
    """A procedural head: a brain of two tissues about ventricles, fluid, a dark skull and a bright scalp.

    Sums, products and comparisons of integers only: the same bytes on every platform and with every numpy. Small, so
    that a check costs milliseconds, where the networks' own cubes cost a second.

    Returns:
        `uint8 [64, 64, 64]`, levels 0 to 255.
    """
    i, j, k = np.mgrid[0:SIDE, 0:SIDE, 0:SIDE].astype(np.int64)
    from_centre = (i - 32) ** 2 * 12 + (j - 32) ** 2 * 9 + (k - 32) ** 2 * 10
    folds = (i * 7 + j * 5 + k * 3) % 13 * 60
    head = np.zeros((SIDE, SIDE, SIDE), np.uint8)
    for outside, level in ((9000, 240), (7800, 20), (6600, 70)):
        head[from_centre <= outside] = level
    brain = from_centre <= 5800
    head[brain] = np.where(from_centre + folds <= 4200, 170, 120)[brain]
    head[from_centre <= 300] = 60
    return head


def golden_part(answer: npt.NDArray[np.uint8] | npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """What of an answer is recorded, as `GoldenAnswer` takes it.

    Args:
        answer: `[64, 64, 64]`, probability times 255: a network's output for the golden head.

    Returns:
        `float32 [2, 64, 64]`, 0 to 1: the answer's `PLANES`.
    """
    planes = np.stack([answer[..., plane] for plane in PLANES[:SLICES]])
    return planes.astype(np.float32) / np.float32(LEVELS)
