"""A job's worker as a process of this machine."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from serving.cohorts.errors import CohortStoreError
from serving.cohorts.local.records import JobRecord

_GUARD = Path(__file__).with_name("guard.py")
_SIGNALLED = 128
_BAD_SPEC = 2
_NOTE_BYTES = 4096
_NOTE_CHARACTERS = 300


class WorkerCommand(Protocol):
    """How a worker is started."""

    def __call__(self, record: JobRecord, spec_file: Path) -> Sequence[str]:
        """The command line that makes a job's cohort, or goes on with it."""
        ...


@dataclass(frozen=True)
class BatchCommand:
    """`python -m serving.batch`, in this interpreter's environment.

    Args:
        options: Behind those that the job decides, e.g. which engine.
    """

    options: tuple[str, ...] = ()

    def __call__(self, record: JobRecord, spec_file: Path) -> Sequence[str]:
        """See `WorkerCommand`."""
        job = (str(spec_file), "--out", record.output, "--workers", str(record.shards))
        return (sys.executable, "-m", "serving.batch", *job, *self.options)


@dataclass(frozen=True)
class WorkerSettings:
    """What all workers have in common.

    Args:
        command: How one is started.
        grace_s: From SIGTERM to SIGKILL, in seconds.
    """

    command: WorkerCommand = field(default_factory=BatchCommand)
    grace_s: float = 30.0


class Worker:
    """A worker that runs. It ends with this process, however this process ends (see `guard.py`)."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, record: JobRecord, settings: WorkerSettings, *, spec_file: Path, log_file: Path) -> Worker:
        """Start one; what it says is added to the log.

        Raises:
            CohortStoreError: The log can't be written, or no process can be started.
        """
        command = settings.command(record, spec_file)
        guard = (sys.executable, "-I", "-S", str(_GUARD), f"{settings.grace_s:g}")
        try:
            log = await asyncio.to_thread(log_file.open, "ab")
            with log:
                process = await asyncio.create_subprocess_exec(
                    *guard,
                    *command,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    process_group=0,
                )
        except OSError as error:
            got = error.strerror or type(error).__name__
            raise CohortStoreError("worker", "must start, and its log must be writable", got) from None
        return cls(process)

    def stop(self) -> None:
        """Tell it to end. It finishes the case in hand, and is killed after the grace time."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    async def wait(self) -> int:
        """Its exit code; 128 and the signal's number where a signal ended it."""
        return await self._process.wait()


def describe_exit(code: int, log_file: Path) -> str:
    """Why a worker failed, in one line: its own last words where it had any.

    Args:
        code: Its exit code.
        log_file: What it said.
    """
    if code > _SIGNALLED:
        return f"the worker was ended by signal {code - _SIGNALLED}"
    said = _last_error(log_file)
    reason = "the worker refused the spec" if code == _BAD_SPEC else f"the worker ended with exit code {code}"
    return f"{reason}: {said}" if said else reason


def _last_error(log_file: Path) -> str:
    try:
        with log_file.open("rb") as log:
            log.seek(max(0, log_file.stat().st_size - _NOTE_BYTES))
            lines = log.read().decode("utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    errors = [line for line in lines if line.startswith("error: ")]
    return errors[-1].removeprefix("error: ")[:_NOTE_CHARACTERS] if errors else ""
