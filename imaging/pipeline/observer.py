"""How the pipeline tells what it does, and is told to stop."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from imaging.regions import BoolVolume, Region


class Stage(StrEnum):
    """A step of the pipeline, as it appears in progress events, timings and metrics."""

    CHECK = "check"
    NORMALISE = "normalise"
    """Reorient to RAS+, find the brain, z-score inside it, cut to its box."""
    SEGMENT_WT = "segment_wt"
    SEGMENT_TC = "segment_tc"
    SEGMENT_ET = "segment_et"
    GATE = "gate"
    RESTORE = "restore"


class Observer(Protocol):
    """Follows one run of the pipeline. Called from the thread that runs it."""

    def progressed(self, stage: Stage, done: int, total: int) -> None:
        """`done` of `total` units of the stage are finished (slices, where a network runs)."""
        ...

    def found(self, region: Region, mask: BoolVolume) -> None:
        """A region's mask is final, `bool [i, j, k]` on the exam's own grid."""
        ...

    def check_cancelled(self) -> None:
        """Called between micro-batches.

        Raises:
            PipelineCancelledError: The result is not wanted any more.
        """
        ...


class SilentObserver:
    """An observer that ignores everything and never cancels."""

    def progressed(self, stage: Stage, done: int, total: int) -> None:
        """Ignore."""

    def found(self, region: Region, mask: BoolVolume) -> None:
        """Ignore."""

    def check_cancelled(self) -> None:
        """Never cancel."""
