"""Where cohorts are ordered and asked after: one desk per server, in front of its runner."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress

from serving.cohorts.errors import CohortsClosingError, CohortsOffError
from serving.cohorts.job import CohortJob
from serving.cohorts.order import OrderPolicy, take_order
from serving.cohorts.runner import CohortRunner
from serving.cohorts.watching import WATCH_PERIOD_S, watch
from serving.errors import ServingError

MAX_LIST = 1000
_TALLY_PERIOD_S = 15.0
_log = logging.getLogger(__name__)

OnJobs = Callable[[Sequence[CohortJob]], None]


class CohortDesk:
    """Takes orders and answers questions, for one event loop.

    Args:
        runner: Makes the cohorts; None where this server makes none.
        policy: What orders it takes; None together with the runner.
        on_jobs: Told all jobs now and then, for metrics.
        watch_period_s: Between two looks at a job that is watched, in seconds.
    """

    def __init__(
        self,
        runner: CohortRunner | None,
        policy: OrderPolicy | None,
        *,
        on_jobs: OnJobs = lambda _: None,
        watch_period_s: float = WATCH_PERIOD_S,
    ) -> None:
        self._runner = runner
        self._policy = policy
        self._on_jobs = on_jobs
        self._watch_period_s = watch_period_s
        self._stopping = asyncio.Event()
        self._tally: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Take up the work.

        Raises:
            ServingError: The runner can't.
        """
        if self._runner is not None:
            await self._runner.open()
            self._tally = asyncio.create_task(self._keep_tally())

    async def close(self) -> None:
        """End what is watched, take nothing new, and leave the jobs so that they can be taken up again."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        if self._tally is not None:
            self._tally.cancel()
            with suppress(asyncio.CancelledError):
                await self._tally
        if self._runner is not None:
            await self._runner.close()

    async def submit(self, text: str, *, cohort: str, output: str, shards: int) -> CohortJob:
        """Order a cohort. See `take_order` and `CohortRunner.submit`.

        Raises:
            ServingError: The order can't be taken.
        """
        runner, policy = self._open_runner()
        order = await asyncio.to_thread(take_order, text, cohort=cohort, output=output, shards=shards, policy=policy)
        self._check_open()
        return await runner.submit(order)

    async def get(self, cohort: str) -> CohortJob:
        """See `CohortRunner.get`."""
        return await self._open_runner()[0].get(cohort)

    async def recent(self, limit: int) -> tuple[CohortJob, ...]:
        """See `CohortRunner.recent`."""
        return await self._open_runner()[0].recent(limit)

    async def cancel(self, cohort: str) -> CohortJob:
        """See `CohortRunner.cancel`."""
        return await self._open_runner()[0].cancel(cohort)

    async def watch(self, cohort: str) -> AsyncGenerator[CohortJob, None]:
        """The job now, at each change, and for the last time when it has ended.

        Raises:
            CohortsClosingError: This server stops before the job has ended.
            ServingError: It can't be looked up.
        """
        runner, _ = self._open_runner()
        ended = False
        watched = watch(runner, cohort, stopping=self._stopping, period_s=self._watch_period_s)
        async with aclosing(watched) as jobs:
            async for job in jobs:
                ended = job.phase.has_ended
                yield job
        if not ended:
            self._check_open()

    def _open_runner(self) -> tuple[CohortRunner, OrderPolicy]:
        self._check_open()
        if self._runner is None or self._policy is None:
            raise CohortsOffError("cohorts", "must be set for this server to make any (GLIOSERVE_COHORTS)", "nothing")
        return self._runner, self._policy

    def _check_open(self) -> None:
        if self._stopping.is_set():
            raise CohortsClosingError("server", "must be taking new calls", "a server that stops; cohorts go on later")

    async def tally(self) -> None:
        """Tell `on_jobs` of all jobs as they are now."""
        if self._runner is None:
            return
        try:
            self._on_jobs(await self._runner.recent(MAX_LIST))
        except ServingError as error:
            _log.warning("cohort.no_tally", extra={"fault": str(error)})

    async def _keep_tally(self) -> None:
        while True:
            await self.tally()
            await asyncio.sleep(_TALLY_PERIOD_S)
