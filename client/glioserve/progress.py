"""What is known of an exam before it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from glioserve.results import RegionVolume


@dataclass(frozen=True)
class Queued:
    """The exam waits for its turn.

    Args:
        position: Exams ahead of it.
    """

    position: int


@dataclass(frozen=True)
class Progress:
    """A stage has advanced.

    Args:
        stage: E.g. `segment_wt`.
        done: Units of work finished in this stage (slices, where a network runs).
        total: Units of work in this stage.
    """

    stage: str
    done: int
    total: int


OnProgress = Callable[[Queued | Progress], None]
"""Called for each event, in the server's order, from the thread or event loop of the call."""

OnPartial = Callable[[RegionVolume], None]
"""Called when a region is known before the rest, WT first, from the thread or event loop of the call."""
