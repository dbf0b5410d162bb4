"""How the pipeline tells what it does, and is told to stop."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from imaging.regions import BoolVolume, Region


class Stage(StrEnum):
    """A step of the pipeline, as it appears in progress events, timings and metrics."""

    EXTRACT_BRAIN = "extract_brain"
    REGISTER = "register"
    """Move T1, T2 and FLAIR rigidly onto the T1CE."""
    RESAMPLE = "resample"
    """Interpolate onto one grid of 1 mm along the body's axes."""
    CHECK = "check"
    NORMALISE = "normalise"
    """Reorient to RAS+, find the brain, z-score inside it, cut to its box."""
    SEGMENT_WT = "segment_wt"
    SEGMENT_TC = "segment_tc"
    SEGMENT_ET = "segment_et"
    GATE = "gate"
    RESTORE = "restore"
    """Paste back into the frame that the networks worked in."""
    RETURN = "return"
    """Bring the masks to the grid that the caller wants, where that is another."""


class Observer(Protocol):
    """Follows one run of the pipeline. Called from the thread that runs it."""

    def progressed(self, stage: Stage, done: int, total: int) -> None:
        """`done` of `total` units of the stage are finished (slices, where a network runs)."""
        ...

    def found(self, region: Region, mask: BoolVolume, *, voxel_volume_ml: float) -> None:
        """A region's mask is final, `bool [i, j, k]` on the grid that the networks worked on."""
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

    def found(self, region: Region, mask: BoolVolume, *, voxel_volume_ml: float) -> None:
        """Ignore."""

    def check_cancelled(self) -> None:
        """Never cancel."""
