"""Several worker processes on one machine, each with its part of a share. One that is killed is started again."""

from __future__ import annotations

import logging
import multiprocessing
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from time import monotonic

from imaging.errors import ImagingError
from serving.batch.finish import finish
from serving.batch.making import Making
from serving.batch.order import CohortOrder, Existing, ShareReport
from serving.batch.patience import StoppedError
from serving.batch.shards import Shard
from serving.batch.signals import Stop, stopped_by_signals
from serving.batch.worker import Progress, keep_sound, make_share, open_ledger
from serving.errors import Cause, ServingError
from serving.logs import configure_logging

MAX_RESTARTS = 5
"""Of one worker: one that is killed each time, as for want of memory, is not started forever."""
_LOOK_S = 0.2
"""Between two looks at whether we were told to end."""
_PROGRESS_S = 2.0
"""Between two looks at the folder."""
_FAILED = 1
# Threads and locks do not survive a fork, and gRPC and S3 have some.
_SPAWN = multiprocessing.get_context("spawn")

_log = logging.getLogger(__name__)


class WorkerError(ServingError):
    """A worker process ended before its part was done."""

    cause = Cause.INTERNAL


def run_workers(
    order: CohortOrder, making: Making, workers: int, *, stopping: threading.Event, on_progress: Progress
) -> ShareReport:
    """As `run_share`, by so many processes.

    They share one engine. A process that a signal ends is started again, up to `MAX_RESTARTS` times. Workers end when
    this process does, however it does.

    Args:
        order: What to do; `at_once` counts for each process.
        making: How cases are made.
        workers: How many processes, 1 or more.
        stopping: Once set, the workers are told to end, and waited for.
        on_progress: Told of progress, as the folder tells it.

    Raises:
        StoppedError: `stopping` was set.
        WorkerError: A worker failed, or was killed too often; it said why on standard error. The others came to their
            end.
        ServingError: As of `run_share`, where it concerns all.
    """
    ledger = open_ledger(order)
    before = keep_sound(order, ledger)
    on_progress(len(before.made))
    if len(before.made) < len(order.share):
        with making.shared() as shared:
            parts = [replace(order, shard=shard, existing=Existing.KEEP) for shard in order.shard.split(workers)]
            _Workers([part for part in parts if part.share], shared, stopping).run(
                lambda: on_progress(len(ledger.fates().within(order.share).all))
            )
    return ShareReport.read(order, ledger, before=before, finished=finish(ledger, order.spec))


@dataclass
class _Worker:
    """One part of a share, and the process that makes it at present."""

    order: CohortOrder
    process: BaseProcess
    restarts: int = 0


class _Workers:
    """The processes of a share."""

    def __init__(self, parts: list[CohortOrder], making: Making, stopping: threading.Event) -> None:
        self._making = making
        self._stopping = stopping
        self._running = [_Worker(part, self._start(part)) for part in parts]
        self._faults: list[str] = []

    def run(self, look: Callable[[], None]) -> None:
        """Until all have ended, or we are told to end.

        Args:
            look: Called now and then.
        """
        try:
            self._run(look)
        finally:
            for worker in self._running:
                worker.process.terminate()
            for worker in self._running:
                worker.process.join()
        if self._stopping.is_set():
            raise StoppedError
        if self._faults:
            raise WorkerError("workers", "must come to their end", "; ".join(self._faults))

    def _run(self, look: Callable[[], None]) -> None:
        looked = monotonic()
        while self._running and not self._stopping.is_set():
            wait([worker.process.sentinel for worker in self._running], timeout=_LOOK_S)
            for worker in [worker for worker in self._running if not worker.process.is_alive()]:
                self._ended(worker)
            if monotonic() - looked >= _PROGRESS_S:
                look()
                looked = monotonic()
        look()

    def _ended(self, worker: _Worker) -> None:
        code = worker.process.exitcode or 0
        shard = _text(worker.order.shard)
        worker.process.close()
        if code < 0 and worker.restarts < MAX_RESTARTS and not self._stopping.is_set():
            worker.restarts += 1
            _log.warning("worker.restarted", extra={"shard": shard, "signal": -code, "times": worker.restarts})
            worker.process = self._start(worker.order)
            return
        self._running.remove(worker)
        if code < 0:
            self._faults.append(f"{shard} ended by signal {-code}, after {worker.restarts} restarts")
        elif code > 0:
            self._faults.append(f"{shard} with exit code {code}")

    def _start(self, part: CohortOrder) -> BaseProcess:
        level = logging.getLogger("serving").getEffectiveLevel()
        process = _SPAWN.Process(
            target=_work, args=(part, self._making, logging.getLevelName(level)), name=_text(part.shard), daemon=True
        )
        process.start()
        return process


def _work(order: CohortOrder, making: Making, log_level: str) -> None:
    """What a worker process does. It exits with 0 where its part has been tried, whatever became of the cases."""
    configure_logging(log_level)
    shard = _text(order.shard)
    with stopped_by_signals() as stop:
        _end_with_parent(stop)
        try:
            make_share(order, open_ledger(order), making, stopping=stop.event, on_progress=_quietly)
        except StoppedError:
            sys.exit(stop.exit_code)
        except (ServingError, ImagingError, OSError) as error:
            _log.error("worker.failed", extra={"shard": shard, "kind": type(error).__name__, "fault": str(error)})
            sys.exit(_FAILED)


def _end_with_parent(stop: Stop) -> None:
    """Be told to end when the parent is gone, however it went."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        stop.event.set()

    threading.Thread(target=watch, name="parent", daemon=True).start()


def _quietly(_: int) -> None:
    """Of many processes the parent tells the progress."""


def _text(shard: Shard) -> str:
    return f"{shard.index}/{shard.count}"
