"""What one process is to do, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from serving.batch.ledger import CaseFailure, Fates, Ledger
from serving.batch.shards import Shard
from serving.batch.spec import CohortSpec


class Existing(StrEnum):
    """What is done about cases that are there."""

    KEEP = "keep"
    """A case that has its record is taken as it is."""
    MEND = "mend"
    """Its files are compared with their checksums, and made again where they differ."""


@dataclass(frozen=True)
class CohortOrder:
    """What one process is to do.

    Args:
        spec: The cohort.
        out: Where it goes: a path, or a URL as fsspec knows it.
        shard: The share of this process.
        at_once: Cases in work at one time, 1 or more: while one is drawn, another is planned or encoded. Each takes
            some hundred MB.
        existing: What is done about cases that are there.
    """

    spec: CohortSpec
    out: str
    shard: Shard = Shard()  # noqa: RUF009  # frozen
    at_once: int = 2
    existing: Existing = Existing.KEEP

    @property
    def share(self) -> range:
        """The indices of the cases of this process."""
        return self.shard.indices(self.spec.cases)


@dataclass(frozen=True)
class ShareReport:
    """What is there of a share now.

    Args:
        cases: How many it has.
        made: How many this run made, set aside or not.
        released: How many are in the cohort.
        quarantined: How many are set aside.
        failed: Those that can't be made, and why.
        finished: Whether the whole cohort is.
    """

    cases: int
    made: int
    released: int
    quarantined: int
    failed: Sequence[CaseFailure]
    finished: bool

    @classmethod
    def read(cls, order: CohortOrder, ledger: Ledger, *, before: Fates, finished: bool) -> ShareReport:
        """What a folder tells of a share.

        Args:
            order: Names the share.
            ledger: Of the folder.
            before: The cases that were there before.
            finished: Whether the whole cohort is.
        """
        fates = ledger.fates().within(order.share)
        return cls(
            cases=len(order.share),
            made=len(fates.made - before.made),
            released=len(fates.released),
            quarantined=len(fates.quarantined),
            failed=tuple(ledger.failures(sorted(fates.failed))),
            finished=finished,
        )

    @property
    def is_complete(self) -> bool:
        """Whether every case of the share is made."""
        return self.released + self.quarantined == self.cases

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "cases": self.cases,
            "made": self.made,
            "released": self.released,
            "quarantined": self.quarantined,
            "failed": [{"case": one.case_id, "kind": one.kind, "fault": str(one)} for one in self.failed],
            "finished": self.finished,
        }
