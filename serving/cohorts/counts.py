"""How far a cohort is, read from its output alone."""

from __future__ import annotations

from serving.batch.state import NoCohortError, read_state
from serving.cohorts.job import CaseCounts, CountReader
from serving.errors import ServingError


def read_counts(output: str) -> CaseCounts:
    """See `job.CountReader`.

    Raises:
        ServingError: The output can't be read.
    """
    try:
        state = read_state(output)
    except NoCohortError:
        return CaseCounts()
    return CaseCounts(state.released, state.quarantined, state.failed)


def try_to_count(count: CountReader, output: str) -> tuple[CaseCounts, str]:
    """The counts of an output, and what kept it from being read; a job can be shown without them."""
    try:
        return count(output), ""
    except ServingError as error:
        return CaseCounts(), f"the output can't be read: {error}"
