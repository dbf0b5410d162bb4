"""Cohorts made by processes of this machine: a queue on disk, and a bounded number of workers at one time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from serving.cohorts.counts import try_to_count
from serving.cohorts.errors import (
    CohortConflictError,
    CohortQueueFullError,
    CohortStoreError,
    UnknownCohortError,
)
from serving.cohorts.job import CaseCounts, CohortJob, CountReader, JobOrder, JobPhase
from serving.cohorts.local.records import JobRecord, JobStore, Outcome
from serving.cohorts.local.worker import Worker, WorkerSettings, describe_exit

_NS = 1_000_000_000
_log = logging.getLogger(__name__)


@dataclass
class _Run:
    """A worker from its start to its end."""

    worker: Worker | None = None
    stopped: bool = False

    def stop(self) -> None:
        """Tell the worker to end, now or as soon as it has started."""
        self.stopped = True
        if self.worker is not None:
            self.worker.stop()


class LocalRunner:
    """See `CohortRunner`.

    A job that this process leaves behind, by `close` or by its own end, has no outcome on disk. The next runner over
    the same root puts it into the queue at its old place, and its worker goes on where the last one stopped.

    Args:
        root: The folder of all cohorts.
        worker: How workers are started and stopped.
        jobs: Workers at one time.
        queue_capacity: Jobs that may wait.
        count: Reads how many cases an output holds.
        now_ns: The time, in nanoseconds since 1970.
    """

    def __init__(
        self,
        root: Path,
        *,
        worker: WorkerSettings,
        jobs: int,
        queue_capacity: int,
        count: CountReader,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._store = JobStore(root)
        self._worker = worker
        self._jobs = jobs
        self._queue_capacity = queue_capacity
        self._count = count
        self._now_ns = now_ns
        self._records: dict[str, JobRecord] = {}
        self._runs: dict[str, _Run] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._writing = asyncio.Lock()
        self._closing = False

    def place(self, cohort: str) -> str:
        """Where a cohort goes whose order names no place."""
        return str(self._store.output_folder(cohort))

    async def open(self) -> None:
        """See `CohortRunner`."""
        await asyncio.to_thread(self._store.open)
        for record in await asyncio.to_thread(self._store.load):
            self._records[record.id] = record
            if record.cancelled and record.outcome is None:
                await self._end(record.id, JobPhase.CANCELLED)
        self._fill()

    async def close(self) -> None:
        """See `CohortRunner`. Workers finish their cases in hand, at most for the grace time."""
        self._closing = True
        for run in self._runs.values():
            run.stop()
        while self._tasks:
            await asyncio.wait(self._tasks)
        await asyncio.to_thread(self._store.close)

    async def submit(self, order: JobOrder) -> CohortJob:
        """See `CohortRunner`."""
        async with self._writing:
            known = self._records.get(order.id)
            if known is not None and not _goes_on(known, order):
                return await self._job(known)
            if len(self._waiting()) >= self._queue_capacity:
                raise CohortQueueFullError("queue", f"at most {self._queue_capacity} cohorts may wait", "a full queue")
            record = JobRecord.of(order, self._now_ns())
            if known is None:
                await asyncio.to_thread(self._store.create, record, order.spec)
            else:
                await asyncio.to_thread(self._store.write, record)
            self._records[record.id] = record
            _log.info("cohort.queued", extra={"cohort": record.id, "cases": record.cases})
        self._fill()
        return await self._job(record)

    async def get(self, cohort: str) -> CohortJob:
        """See `CohortRunner`."""
        return await self._job(self._known(cohort))

    async def recent(self, limit: int) -> tuple[CohortJob, ...]:
        """See `CohortRunner`."""
        newest = sorted(self._records.values(), key=lambda record: (-record.submitted_unix_ns, record.id))
        return tuple([await self._job(record) for record in newest[:limit]])

    async def cancel(self, cohort: str) -> CohortJob:
        """See `CohortRunner`."""
        async with self._writing:
            record = self._known(cohort)
            if record.outcome is None and not record.cancelled:
                record = record.model_copy(update={"cancelled": True})
                await asyncio.to_thread(self._store.write, record)
                self._records[cohort] = record
                if run := self._runs.get(cohort):
                    run.stop()
                else:
                    await self._end(cohort, JobPhase.CANCELLED)
        return await self._job(self._records[cohort])

    def _known(self, cohort: str) -> JobRecord:
        if cohort not in self._records:
            raise UnknownCohortError("id", "must be that of a cohort", repr(cohort[:64]))
        return self._records[cohort]

    def _waiting(self) -> list[JobRecord]:
        """What waits, the next one first."""
        waiting = (
            record for record in self._records.values() if record.outcome is None and record.id not in self._runs
        )
        return sorted(waiting, key=lambda record: (record.submitted_unix_ns, record.id))

    def _fill(self) -> None:
        """Start what may run."""
        if self._closing:
            return
        for record in self._waiting()[: max(0, self._jobs - len(self._runs))]:
            self._runs[record.id] = _Run()
            task = asyncio.create_task(self._run(record.id))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _run(self, cohort: str) -> None:
        run, log_file = self._runs[cohort], self._store.log_file(cohort)
        try:
            run.worker = await Worker.start(
                self._records[cohort], self._worker, spec_file=self._store.spec_file(cohort), log_file=log_file
            )
            _log.info("cohort.started", extra={"cohort": cohort})
            if run.stopped:
                run.worker.stop()
            code = await run.worker.wait()
            _log.info("cohort.ended", extra={"cohort": cohort, "exit_code": code})
            async with self._writing:
                await self._settle(cohort, code, run)
        except CohortStoreError as error:
            _log.error("cohort.not_run", extra={"cohort": cohort, "fault": str(error)})
            await self._end(cohort, JobPhase.FAILED, str(error))
        finally:
            del self._runs[cohort]
            self._fill()

    async def _settle(self, cohort: str, code: int, run: _Run) -> None:
        if code == 0:
            await self._end(cohort, JobPhase.COMPLETED)
        elif self._records[cohort].cancelled:
            await self._end(cohort, JobPhase.CANCELLED)
        elif not run.stopped:  # stopped by us, and not cancelled: it goes on later
            note = await asyncio.to_thread(describe_exit, code, self._store.log_file(cohort))
            await self._end(cohort, JobPhase.FAILED, note)

    async def _end(self, cohort: str, phase: JobPhase, note: str = "") -> None:
        record = self._records[cohort]
        counts, unread = await asyncio.to_thread(try_to_count, self._count, record.output)
        outcome = Outcome(
            phase=phase,
            note="; ".join(part for part in (note, unread) if part),
            released=counts.released,
            quarantined=counts.quarantined,
            failed=counts.failed,
        )
        # In memory whatever the disk says: a job without an outcome would be started again at once.
        self._records[cohort] = record.model_copy(update={"outcome": outcome})
        try:
            await asyncio.to_thread(self._store.write, self._records[cohort])
        except CohortStoreError as error:
            _log.error("cohort.not_recorded", extra={"cohort": cohort, "fault": str(error)})

    async def _job(self, record: JobRecord) -> CohortJob:
        outcome = record.outcome
        if outcome is not None:
            counts, note = CaseCounts(outcome.released, outcome.quarantined, outcome.failed), outcome.note
        else:
            counts, note = await asyncio.to_thread(try_to_count, self._count, record.output)
        return CohortJob(
            id=record.id,
            name=record.name,
            spec_sha256=record.spec_sha256,
            phase=self._phase(record),
            cases=record.cases,
            counts=counts,
            output=record.output,
            shards=record.shards,
            note=note,
            submitted_unix_s=record.submitted_unix_ns // _NS,
        )

    def _phase(self, record: JobRecord) -> JobPhase:
        if record.outcome is not None:
            return record.outcome.phase
        if record.cancelled:
            return JobPhase.STOPPING
        return JobPhase.RUNNING if record.id in self._runs else JobPhase.QUEUED


def _goes_on(known: JobRecord, order: JobOrder) -> bool:
    """Whether an order puts a known job into the queue again.

    Raises:
        CohortConflictError: It is another cohort's order.
    """
    if known.spec_sha256 != order.spec_sha256:
        raise CohortConflictError("id", "must be new, or that of a cohort of the same spec", "the id of another spec")
    if known.output != order.output:
        raise CohortConflictError("output", "must be that of the cohort of this id", "another one")
    if known.outcome is not None:
        return known.outcome.phase is not JobPhase.COMPLETED
    if known.cancelled:
        return True
    if known.shards != order.shards:
        raise CohortConflictError("shards", f"must be {known.shards} while the cohort is made", f"{order.shards}")
    return False
