"""The stages of one run: told, timed, and the places where it can be cancelled."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from imaging.pipeline.observer import Observer, Stage

_COUNTED = (Stage.SEGMENT_WT, Stage.SEGMENT_TC, Stage.SEGMENT_ET)
"""Stages that tell their own progress, slice by slice."""


@dataclass(frozen=True)
class Stages:
    """Follows one run.

    Args:
        observer: Is told of every stage, and asked before each whether to go on.
    """

    observer: Observer
    timings_s: dict[Stage, float] = field(default_factory=dict)

    @contextmanager
    def run(self, stage: Stage) -> Iterator[None]:
        """Time what happens inside.

        Raises:
            PipelineCancelledError: The result is not wanted any more.
        """
        self.observer.check_cancelled()
        started = time.perf_counter()
        yield
        self.timings_s[stage] = time.perf_counter() - started
        if stage not in _COUNTED:
            self.observer.progressed(stage, 1, 1)
