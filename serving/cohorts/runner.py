"""What makes cohorts, whatever it makes them with."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from serving.cohorts.job import CohortJob, JobOrder


class RunnerKind(StrEnum):
    """The runners by name. One never stands in for the other."""

    LOCAL = "local"
    """Processes of this machine."""
    KUBERNETES = "kubernetes"
    """Indexed Jobs of a cluster."""


class CohortRunner(Protocol):
    """Jobs by their ids. All methods are for one event loop, and none blocks it.

    What a job has made is in its output alone: a runner that ends and starts again finds every job as far as it was.
    """

    async def open(self) -> None:
        """Take up the work.

        Raises:
            ServingError: It can't be done here.
        """
        ...

    async def close(self) -> None:
        """Leave the work so that it can be taken up again; nothing made is lost."""
        ...

    async def submit(self, order: JobOrder) -> CohortJob:
        """Carry out an order, unless that is done or under way. A job that was cancelled or failed goes on.

        Raises:
            CohortConflictError: The id is that of another spec, output or number of shards.
            CohortQueueFullError: No job more may wait.
            ServingError: It can't be done here.
        """
        ...

    async def get(self, cohort: str) -> CohortJob:
        """A job as it is now.

        Raises:
            UnknownCohortError: There is none of this id.
            ServingError: It can't be looked up.
        """
        ...

    async def recent(self, limit: int) -> tuple[CohortJob, ...]:
        """The jobs, the newest first, at most `limit`.

        Raises:
            ServingError: They can't be looked up.
        """
        ...

    async def cancel(self, cohort: str) -> CohortJob:
        """Stop a job; it may still be stopping when this returns. One that has ended is left as it is.

        Raises:
            UnknownCohortError: There is none of this id.
            ServingError: It can't be done here.
        """
        ...
