"""The decisions recorded beside a network of brain extraction: for which step it is, and how its answer is read."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

from imaging.errors import PlanError

MULTIPLE = 32
"""Five halvings: the side of a network's cube is a multiple of 2 ** 5."""
LARGEST_SIDE = 256


class BrainStep(StrEnum):
    """The two looks at a head, each by a network of its own."""

    BOX = "box"
    """At the whole field of view, roughly: where the brain lies."""
    MASK = "mask"
    """At the box about the brain, finely: which voxels are brain."""


@dataclass(frozen=True)
class BrainStepPlan:
    """How the network of one step is used. Stored as JSON in the `glioserve_plan` parameter of `config.pbtxt`.

    Args:
        step: What the network is for.
        side: What is looked at is brought to a cube of this many voxels a side, whatever its spacing.
        threshold: Probability above which a voxel is brain.
        smallest_ml: Less than this is no brain; 0 takes anything.

    Raises:
        PlanError: A value is out of its range.
    """

    step: BrainStep
    side: int
    threshold: float = 0.5
    smallest_ml: float = 0.0

    def __post_init__(self) -> None:
        if type(self.side) is not int or self.side not in range(MULTIPLE, LARGEST_SIDE + 1, MULTIPLE):
            raise PlanError("side", f"must be a multiple of {MULTIPLE}, at most {LARGEST_SIDE}", f"{self.side}")
        if not 0.0 < self.threshold < 1.0:
            raise PlanError("threshold", "must lie between 0 and 1", f"{self.threshold}")
        if not 0.0 <= self.smallest_ml < 1000.0:
            raise PlanError("smallest_ml", "must be at least 0 and below 1000 ml", f"{self.smallest_ml}")

    def to_json(self) -> str:
        """The plan as one line of JSON, keys sorted."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> BrainStepPlan:
        """The plan that `to_json` wrote.

        Raises:
            PlanError: It is not JSON, has unknown or missing keys, or values out of range.
        """
        try:
            data: Any = json.loads(text)
        except json.JSONDecodeError as error:
            raise PlanError("glioserve_plan", "must be JSON", str(error)) from None
        known = sorted(field.name for field in fields(cls))
        if not isinstance(data, dict) or sorted(data) != known:
            got = f"{sorted(data)}" if isinstance(data, dict) else type(data).__name__
            raise PlanError("glioserve_plan", f"must be an object with the keys {known}", got)
        try:
            return cls(**{**data, "step": BrainStep(data["step"])})
        except (TypeError, ValueError) as error:
            if isinstance(error, PlanError):
                raise
            raise PlanError("glioserve_plan", "must hold a known step and numbers", str(error)) from None


@dataclass(frozen=True)
class BrainPlan:
    """How a brain is found: both steps.

    Raises:
        PlanError: A plan stands for another step than its own.
    """

    box: BrainStepPlan
    mask: BrainStepPlan

    def __post_init__(self) -> None:
        for step, plan in ((BrainStep.BOX, self.box), (BrainStep.MASK, self.mask)):
            if plan.step is not step:
                raise PlanError(step.value, "must be the plan of its own step", f"that of {plan.step}")
