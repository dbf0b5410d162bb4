"""Synthetic cohorts that a server makes, as callers see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class CohortPhase(StrEnum):
    """Where a cohort is on its way."""

    QUEUED = "queued"
    """It waits for its turn."""
    RUNNING = "running"
    """Cases are being made."""
    STOPPING = "stopping"
    """It was cancelled, and finishes the cases in hand."""
    COMPLETED = "completed"
    """Every case was made."""
    FAILED = "failed"
    """It ended with cases that were not made. The same order lets it go on."""
    CANCELLED = "cancelled"
    """A caller stopped it. The same order lets it go on."""

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it happens any more, unless it is ordered again."""
        return self in {CohortPhase.COMPLETED, CohortPhase.FAILED, CohortPhase.CANCELLED}


@dataclass(frozen=True)
class Cohort:
    """A cohort at one moment.

    Args:
        id: By which the server knows it.
        name: Of the spec.
        spec_sha256: Digest of all that the spec says.
        phase: Where it is on its way.
        cases: Asked for.
        released: Cases that were made, and are in the cohort.
        quarantined: Cases that were made, and are held back by the replica check.
        failed: Cases that can't be made.
        output: Where it is: a folder of the server's, or an s3:// URL.
        shards: Processes that share the work.
        note: Why it failed, or why its output can't be read; empty otherwise.
        submitted: When it was ordered last, UTC.
    """

    id: str
    name: str
    spec_sha256: str
    phase: CohortPhase
    cases: int
    released: int
    quarantined: int
    failed: int
    output: str
    shards: int
    note: str
    submitted: datetime

    @property
    def tried(self) -> int:
        """Cases of which it is known what became of them."""
        return self.released + self.quarantined + self.failed
