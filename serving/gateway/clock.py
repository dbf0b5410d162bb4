"""How long the stages of one call took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from serving.telemetry.tracing import stage_ended


@dataclass
class StageClock:
    """Seconds per stage, in the order in which the stages ended."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def time(self, stage: str) -> Iterator[None]:
        """Time what the context holds; nothing is kept of what fails."""
        started = time.perf_counter()
        yield
        self.seconds[stage] = time.perf_counter() - started
        stage_ended(stage)
