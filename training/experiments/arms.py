"""What the U-Nets of Table Three are trained on: real patients, and nested subsets of synthetic ones (paper, 4.1)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from training.errors import TrainingError


class ArmName(StrEnum):
    """An arm, by what it adds to the real patients."""

    REAL = "real"
    QUARTER = "real + 1/4"
    HALF = "real + 1/2"
    THREE_QUARTERS = "real + 3/4"
    ALL = "real + all"
    SYNTHETIC_ONLY = "synthetic only"
    """What the paper lacks: how much of real patients' worth synthetic ones have."""
    SECOND_QUARTER = "real + 2nd quarter"
    THIRD_QUARTER = "real + 3rd quarter"
    FOURTH_QUARTER = "real + 4th quarter"
    SECOND_HALF = "real + 2nd half"
    """The paper's future work: disjoint subsets, averaged."""

    @property
    def folder(self) -> str:
        """The arm's name as a folder's, e.g. `real_1of4`."""
        return self.value.replace(" + ", "_").replace("/", "of").replace(" ", "_")


NESTED = (ArmName.REAL, ArmName.QUARTER, ArmName.HALF, ArmName.THREE_QUARTERS, ArmName.ALL)
"""The paper's columns, each inside the next."""
QUARTERS = (ArmName.QUARTER, ArmName.SECOND_QUARTER, ArmName.THIRD_QUARTER, ArmName.FOURTH_QUARTER)
HALVES = (ArmName.HALF, ArmName.SECOND_HALF)
ONCE = frozenset({*QUARTERS, *HALVES} - set(NESTED))
"""Arms that are trained with the first seed alone: they tell how much subsets differ, not how much seeds do."""


@dataclass(frozen=True)
class Arm:
    """One arm.

    Args:
        name: Which.
        real: Whether all real training patients are in it.
        synthetic: Numbers of the synthetic cases in it, ascending.

    Raises:
        TrainingError: It holds nothing to train on.
    """

    name: ArmName
    real: bool
    synthetic: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.real and not self.synthetic:
            raise TrainingError("arm", "must hold real or synthetic cases", "neither")


def plan_arms(synthetic: int, *, seed: int) -> tuple[Arm, ...]:
    """Share the synthetic cases out: four disjoint quarters by chance, and the arms as unions of them.

    Args:
        synthetic: How many synthetic cases there are; at least 4.
        seed: Of the order in which they are dealt.

    Raises:
        TrainingError: There are too few for quarters.
    """
    if synthetic < len(QUARTERS):
        raise TrainingError("synthetic", f"must be at least {len(QUARTERS)} cases", f"{synthetic}")
    order = np.random.default_rng(seed).permutation(synthetic)
    quarters = [set(part.tolist()) for part in np.array_split(order, len(QUARTERS))]

    def arm(name: ArmName, *parts: int, real: bool = True) -> Arm:
        return Arm(name, real, tuple(sorted(case for part in parts for case in quarters[part])))

    return (
        arm(ArmName.REAL),
        arm(ArmName.QUARTER, 0),
        arm(ArmName.HALF, 0, 1),
        arm(ArmName.THREE_QUARTERS, 0, 1, 2),
        arm(ArmName.ALL, 0, 1, 2, 3),
        arm(ArmName.SYNTHETIC_ONLY, 0, 1, 2, 3, real=False),
        arm(ArmName.SECOND_QUARTER, 1),
        arm(ArmName.THIRD_QUARTER, 2),
        arm(ArmName.FOURTH_QUARTER, 3),
        arm(ArmName.SECOND_HALF, 2, 3),
    )
