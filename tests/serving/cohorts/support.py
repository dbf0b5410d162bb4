"""Orders, and the test's end of the workers that stand in for `serving.batch`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.cohorts.job import CaseCounts, CohortJob, JobOrder, JobPhase
from serving.cohorts.local.records import JobRecord
from serving.cohorts.local.runner import LocalRunner
from serving.cohorts.local.worker import WorkerSettings
from serving.cohorts.runner import CohortRunner
from serving.cohorts.watching import watch

STAND_IN = Path(__file__).with_name("stand_in.py")
TIMEOUT_S = 30


def order(cohort: str = "example", *, root: Path = Path("/cohorts"), **changes: Any) -> JobOrder:
    return JobOrder(
        **{
            "id": cohort,
            "name": "example",
            "spec": "name: example\n",
            "spec_sha256": "a" * 64,
            "cases": 3,
            "output": str(root / cohort / "output"),
            "shards": 1,
        }
        | changes
    )


def count_cases(output: str) -> CaseCounts:
    """What `read_counts` is for the real worker."""
    return CaseCounts(released=len(list(Path(output).glob("case-*/provenance.json"))))


@dataclass
class Puppet:
    """One worker, from the test's side."""

    pid: int
    child: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def make(self, cases: int = 1) -> None:
        for _ in range(cases):
            await self._ask("make")

    async def say(self, text: str) -> None:
        await self._ask(f"say {text}")

    async def exit(self, code: int) -> None:
        self.writer.write(f"exit {code}\n".encode())
        await self.gone()

    async def gone(self) -> None:
        """Wait until the worker's process holds its socket no more."""
        async with asyncio.timeout(TIMEOUT_S):
            while await self.reader.read(100):
                pass

    async def _ask(self, line: str) -> None:
        self.writer.write(f"{line}\n".encode())
        async with asyncio.timeout(TIMEOUT_S):
            assert await self.reader.readline()


class Stage:
    """Where workers call in when they have started."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self._arrived: asyncio.Queue[Puppet] = asyncio.Queue()
        self._writers: list[asyncio.StreamWriter] = []

    async def next(self) -> Puppet:
        """The next worker that has started."""
        async with asyncio.timeout(TIMEOUT_S):
            return await self._arrived.get()

    @property
    def is_empty(self) -> bool:
        """Whether no worker has started that the test has not taken."""
        return self._arrived.empty()

    def command(self, *flags: str) -> Any:
        """The command of workers that call in here."""
        return StandInCommand(self.socket, flags)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Stage]:
        server = await asyncio.start_unix_server(self._arrive, self.socket)
        try:
            yield self
        finally:
            server.close()
            for writer in self._writers:
                writer.close()

    async def _arrive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        pid, child = (await reader.readline()).split()
        await self._arrived.put(Puppet(int(pid), int(child), reader, writer))


@dataclass(frozen=True)
class StandInCommand:
    """See `WorkerCommand`."""

    socket: Path
    flags: tuple[str, ...] = ()

    def __call__(self, record: JobRecord, spec_file: Path) -> Sequence[str]:
        assert spec_file.read_text()
        return (sys.executable, "-S", str(STAND_IN), str(self.socket), record.output, *self.flags)


def local_runner(root: Path, command: Any, **changes: Any) -> LocalRunner:
    grace_s = changes.pop("grace_s", 20.0)
    return LocalRunner(
        root,
        **{
            "worker": WorkerSettings(command, grace_s),
            "jobs": 1,
            "queue_capacity": 2,
            "count": count_cases,
        }
        | changes,
    )


async def until(runner: CohortRunner, cohort: str, *phases: JobPhase) -> CohortJob:
    """The job when it has one of these phases."""
    async with asyncio.timeout(TIMEOUT_S):
        async for job in watch(runner, cohort, stopping=asyncio.Event(), period_s=0.02):
            if job.phase in phases:
                return job
    raise AssertionError(f"it ended {job.phase}")
