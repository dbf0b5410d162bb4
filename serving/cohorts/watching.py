"""A job from now to its end, as a stream of its states."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator

from serving.cohorts.job import CohortJob
from serving.cohorts.runner import CohortRunner

WATCH_PERIOD_S = 1.0
_LONGEST_SHARE = 0.1
"""Looking takes at most this share of the time: a large output in an object store is looked at less often."""


async def watch(
    runner: CohortRunner, cohort: str, *, stopping: asyncio.Event, period_s: float = WATCH_PERIOD_S
) -> AsyncGenerator[CohortJob, None]:
    """The job now, then at each change. Ends when the job has ended, or when `stopping` is set.

    Args:
        runner: What knows the job.
        cohort: Its id.
        stopping: Set when nobody shall watch any more.
        period_s: Between two looks, in seconds; longer where a look takes long.

    Raises:
        UnknownCohortError: There is none of this id.
        ServingError: It can't be looked up.
    """
    last: CohortJob | None = None
    while not stopping.is_set():
        started = time.monotonic()
        job = await runner.get(cohort)
        pause_s = max(period_s, (time.monotonic() - started) / _LONGEST_SHARE)
        if job != last:
            yield job
            last = job
        if job.phase.has_ended:
            return
        try:
            async with asyncio.timeout(pause_s):
                await stopping.wait()
        except TimeoutError:
            continue
