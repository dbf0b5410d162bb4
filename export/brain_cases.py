"""What both forms of a network of brain extraction are shown before one replaces the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imaging.brain.cube import LEVELS, resize
from imaging.brain.extract import PERCENTILES
from imaging.brain.golden import golden_head
from imaging.brain.plan import BrainStepPlan
from imaging.volume import Volume


@dataclass(frozen=True, eq=False)
class HeadCase:
    """One head.

    Args:
        name: For the report.
        intensities: `float32 [i, j, k]`, 0 to 1, extents multiples of 32: before they are rounded to levels.
    """

    name: str
    intensities: npt.NDArray[np.float32]


def head_cases(head: Volume, plan: BrainStepPlan) -> tuple[HeadCase, ...]:
    """The golden head, and a head in the size that the step sees in use and in another that is no cube.

    Args:
        head: With its skull.
        plan: Of the step.
    """
    voxels = head.canonical().voxels.astype(np.float32)
    low, high = np.percentile(voxels, PERCENTILES)
    unit = np.clip((voxels - low) / (high - low), 0.0, 1.0).astype(np.float32)
    cube, brick = (plan.side,) * 3, (96, 128, 64)
    return (
        HeadCase("golden head", golden_head().astype(np.float32) / np.float32(LEVELS)),
        HeadCase(f"head in a cube of {plan.side}", resize(unit, cube)),
        HeadCase(f"head in a brick of {' x '.join(map(str, brick))}", resize(unit, brick)),
    )
