"""A cohort's job as its callers see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from serving.cohorts.errors import CohortOrderError


class JobPhase(StrEnum):
    """Where a job is on its way."""

    QUEUED = "queued"
    """It waits for its turn."""
    RUNNING = "running"
    """Cases are being made."""
    STOPPING = "stopping"
    """It was cancelled, and finishes the cases in hand."""
    COMPLETED = "completed"
    """Every case was made."""
    FAILED = "failed"
    """It ended with cases that were not made."""
    CANCELLED = "cancelled"
    """A caller stopped it."""

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it happens any more, unless it is ordered again."""
        return self in {JobPhase.COMPLETED, JobPhase.FAILED, JobPhase.CANCELLED}


@dataclass(frozen=True)
class CaseCounts:
    """How many cases of a cohort are where.

    Args:
        released: Made, and in the cohort.
        quarantined: Made, and held back by the replica check.
        failed: Can't be made.

    Raises:
        CohortOrderError: A number is negative.
    """

    released: int = 0
    quarantined: int = 0
    failed: int = 0

    def __post_init__(self) -> None:
        for name in ("released", "quarantined", "failed"):
            if getattr(self, name) < 0:
                raise CohortOrderError(name, "must be at least 0", f"{getattr(self, name)}")


CountReader = Callable[[str], CaseCounts]
"""Counts the cases of an output: a folder, or an s3:// URL. One that is not there yet holds none. Raises `ServingError`
where it can't be read."""


@dataclass(frozen=True)
class JobOrder:
    """What is asked for, checked: safe to become names of folders and of a cluster's objects.

    Args:
        id: See `names.check_id`.
        name: Of the spec.
        spec: YAML in which every path is absolute, so that it means the same wherever it is read.
        spec_sha256: Of all that the spec says, its number of cases included.
        cases: Asked for.
        output: A folder, or an s3:// URL.
        shards: Processes that share the work.
    """

    id: str
    name: str
    spec: str
    spec_sha256: str
    cases: int
    output: str
    shards: int


@dataclass(frozen=True)
class CohortJob:
    """A job at one moment.

    Args:
        id: Its name.
        name: Of the spec.
        spec_sha256: See `JobOrder`.
        phase: Where it is on its way.
        cases: Asked for.
        counts: How many of them are where.
        output: A folder, or an s3:// URL.
        shards: Processes that share the work.
        note: Why it failed, or why its output can't be read; empty otherwise.
        submitted_unix_s: When it was ordered last, in seconds since 1970, UTC.
    """

    id: str
    name: str
    spec_sha256: str
    phase: JobPhase
    cases: int
    counts: CaseCounts
    output: str
    shards: int
    note: str
    submitted_unix_s: int
