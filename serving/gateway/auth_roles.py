"""Which role each method needs. The only place that knows."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from grpc_reflection.v1alpha import reflection

from serving.gateway.health import CHECK, COHORTS, EVALUATION, INFO, SEGMENTATION, SYNTHESIS

HEALTH = "grpc.health.v1.Health"


class Role(StrEnum):
    """What a caller may do. None includes another."""

    SEGMENT = "segment"
    CHECK = "check"
    EVALUATE = "evaluate"
    SYNTHESIZE = "synthesize"
    COHORTS = "cohorts"
    INFO = "info"


NEEDED: Mapping[str, Role | None] = MappingProxyType(
    {
        f"/{SEGMENTATION}/Segment": Role.SEGMENT,
        f"/{CHECK}/Check": Role.CHECK,
        f"/{EVALUATION}/Evaluate": Role.EVALUATE,
        f"/{SYNTHESIS}/Generate": Role.SYNTHESIZE,
        f"/{COHORTS}/Submit": Role.COHORTS,
        f"/{COHORTS}/Get": Role.COHORTS,
        f"/{COHORTS}/List": Role.COHORTS,
        f"/{COHORTS}/Cancel": Role.COHORTS,
        f"/{COHORTS}/Watch": Role.COHORTS,
        f"/{INFO}/GetInfo": Role.INFO,
        f"/{reflection.SERVICE_NAME}/ServerReflectionInfo": Role.INFO,
        f"/{HEALTH}/Check": None,
        f"/{HEALTH}/Watch": None,
    }
)
"""Of every method, by its full name; None is open to all who can connect. A method that is not listed is refused."""
