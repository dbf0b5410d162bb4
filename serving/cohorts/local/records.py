"""What is written down of each job: one folder per cohort, with its order and, once it has ended, how.

```
ROOT/
  lock             held by the server that the root belongs to
  ID/job.json      this record
  ID/cohort.yaml   the spec as the worker reads it
  ID/log.txt       what the worker said
  ID/output/       the cohort, unless its order names another place
```
"""

from __future__ import annotations

import fcntl
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from imaging.atomic import write_atomic
from serving.cohorts.errors import CohortOrderError, CohortStoreError
from serving.cohorts.job import JobOrder, JobPhase
from serving.cohorts.names import check_id

_RECORD, _SPEC, _LOG, _OUTPUT, _LOCK = "job.json", "cohort.yaml", "log.txt", "output", "lock"
_log = logging.getLogger(__name__)


class Outcome(BaseModel):
    """How a job ended, and what there was then."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    phase: JobPhase
    note: str = ""
    released: int = Field(ge=0)
    quarantined: int = Field(ge=0)
    failed: int = Field(ge=0)

    @field_validator("phase")
    @classmethod
    def _check_phase(cls, phase: JobPhase) -> JobPhase:
        if not phase.has_ended:
            raise ValueError("must be a phase in which a job has ended")
        return phase


class JobRecord(BaseModel):
    """One job."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    id: str
    name: str
    spec_sha256: str
    cases: int = Field(ge=1)
    output: str
    shards: int = Field(ge=1)
    submitted_unix_ns: int = Field(ge=0)
    """When it was ordered last; also its place in the queue."""
    cancelled: bool = False
    """A caller wants it stopped."""
    outcome: Outcome | None = None
    """None while it waits, runs, or was left by a server that stopped."""

    @classmethod
    def of(cls, order: JobOrder, submitted_unix_ns: int) -> JobRecord:
        """The record of a new job."""
        return cls(
            id=order.id,
            name=order.name,
            spec_sha256=order.spec_sha256,
            cases=order.cases,
            output=order.output,
            shards=order.shards,
            submitted_unix_ns=submitted_unix_ns,
        )


class JobStore:
    """The records of one root folder.

    Args:
        root: Made if it is not there.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._lock: BinaryIO | None = None

    def open(self) -> None:
        """Make the root, and make it this process's own.

        Raises:
            CohortStoreError: It can't be written, or another server has it.
        """
        with _typed("cohorts"):
            self._root.mkdir(parents=True, exist_ok=True)
            lock = (self._root / _LOCK).open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise CohortStoreError("cohorts", "must belong to one server", "another one that has it") from None
        self._lock = lock

    def close(self) -> None:
        """Give the root up."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def load(self) -> list[JobRecord]:
        """Every record. One that is damaged is left out, and logged: it must not stop the others.

        Raises:
            CohortStoreError: The root can't be read.
        """
        with _typed("cohorts"):
            folders = sorted(path.parent for path in self._root.glob(f"*/{_RECORD}"))
        found = []
        for folder in folders:
            try:
                record = JobRecord.model_validate_json((folder / _RECORD).read_bytes())
                if check_id(record.id) == folder.name:
                    found.append(record)
                    continue
            except (OSError, ValidationError, CohortOrderError):
                pass
            _log.error("cohort.record_damaged", extra={"cohort": folder.name})
        return found

    def create(self, record: JobRecord, spec: str) -> None:
        """Write a new job.

        Raises:
            CohortStoreError: It can't be written, or there is something of its name.
        """
        folder = self._root / record.id
        with _typed("cohorts"):
            try:
                folder.mkdir()
            except FileExistsError:
                # Left by a server that ended between the two lines: no record, so no job.
                if (folder / _RECORD).exists():
                    raise CohortStoreError("id", "must be that of no damaged record", record.id) from None
            write_atomic(folder / _SPEC, spec.encode())
        self.write(record)

    def write(self, record: JobRecord) -> None:
        """Replace a job's record, at once or not at all.

        Raises:
            CohortStoreError: It can't be written.
        """
        with _typed("cohorts"):
            write_atomic(self._root / record.id / _RECORD, (record.model_dump_json(indent=2) + "\n").encode())

    def spec_file(self, cohort: str) -> Path:
        """Where a job's spec is."""
        return self._root / cohort / _SPEC

    def log_file(self, cohort: str) -> Path:
        """Where a job's worker speaks to."""
        return self._root / cohort / _LOG

    def output_folder(self, cohort: str) -> Path:
        """Where a cohort goes whose order names no place."""
        return self._root / cohort / _OUTPUT


@contextmanager
def _typed(field: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        got = error.strerror or type(error).__name__
        raise CohortStoreError(field, "must be a folder that can be read and written", got) from None
