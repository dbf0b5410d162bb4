"""The decisions recorded beside a model: what it eats, and how its answer is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from imaging.errors import PlanError
from imaging.modality import Channel
from imaging.regions import Region

MULTIPLE = 16
"""Four scaling levels: the origin and size of every crop are multiples of 2 ** 4."""


@dataclass(frozen=True)
class ModelPlan:
    """How one region's network is used. Stored as JSON in the `glioserve_plan` parameter of `config.pbtxt`.

    Args:
        region: What the network segments.
        channels: Its inputs, in order.
        threshold: Probability above which a voxel is foreground (the paper uses 0.5).
        mirror: Whether the probabilities of a slice and of its left/right mirror image are averaged.
        min_component_ml: Connected components smaller than this are dropped; 0 keeps all.
        min_region_ml: A region smaller than this in all is reported as absent; 0 keeps all.

    Raises:
        PlanError: A value is out of its range.
    """

    region: Region
    channels: tuple[Channel, ...]
    threshold: float = 0.5
    mirror: bool = False
    min_component_ml: float = 0.0
    min_region_ml: float = 0.0

    def __post_init__(self) -> None:
        if not self.channels:
            raise PlanError("channels", "must name at least one channel", "none")
        if len(set(self.channels)) < len(self.channels):
            raise PlanError("channels", "must differ", ", ".join(self.channels))
        if not 0.0 < self.threshold < 1.0:
            raise PlanError("threshold", "must lie between 0 and 1", f"{self.threshold}")
        if not isinstance(self.mirror, bool):
            raise PlanError("mirror", "must be true or false", repr(self.mirror))
        for name in ("min_component_ml", "min_region_ml"):
            if not 0.0 <= getattr(self, name) < 1000.0:
                raise PlanError(name, "must be at least 0 and below 1000 ml", f"{getattr(self, name)}")

    def to_json(self) -> str:
        """The plan as one line of JSON, keys sorted."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> ModelPlan:
        """The plan that `to_json` wrote.

        Raises:
            PlanError: It is not JSON, has unknown or missing keys, or values out of range.
        """
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            raise PlanError("glioserve_plan", "must be JSON", str(error)) from None
        if not isinstance(data, dict):
            raise PlanError("glioserve_plan", "must be a JSON object", type(data).__name__)
        known = {field.name for field in fields(cls)}
        if unknown := set(data) - known:
            raise PlanError("glioserve_plan", f"must have only the keys {sorted(known)}", f"also {sorted(unknown)}")
        try:
            data["region"] = Region(data["region"])
            data["channels"] = tuple(Channel(channel) for channel in data["channels"])
            return cls(**data)
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, PlanError):
                raise
            raise PlanError("glioserve_plan", "must be complete and of known names", str(error)) from None


ModelPlans = Mapping[Region, ModelPlan]
"""One plan for each of WT, TC and ET."""
