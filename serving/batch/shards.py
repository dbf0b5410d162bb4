"""Which of a cohort's cases one process makes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from serving.errors import Cause, ServingError

JOB_INDEX, JOB_COUNT = "JOB_COMPLETION_INDEX", "JOB_COMPLETIONS"
"""What Kubernetes tells a pod of an Indexed Job, and what the Job's manifest must tell it beside."""


class ShardError(ServingError):
    """A share of a cohort that can't be."""

    cause = Cause.INVALID


@dataclass(frozen=True)
class Shard:
    """The cases `index`, `index + count`, `index + 2 * count`, ... Valid once constructed.

    Args:
        index: Which share, 0 to `count - 1`.
        count: Into how many shares the cohort is divided, 1 or more.

    Raises:
        ShardError: A number is out of its range.
    """

    index: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ShardError("shard", "must be one of 1 or more", f"{self.count}")
        if not 0 <= self.index < self.count:
            raise ShardError("shard", f"must have an index of 0 to {self.count - 1}", f"{self.index}")

    @classmethod
    def parse(cls, text: str) -> Shard:
        """The share that a text names, e.g. `0/4` to `3/4`.

        Raises:
            ShardError: It names none.
        """
        match = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
        if match is None:
            raise ShardError("shard", "must be INDEX/COUNT, e.g. 0/4", repr(text[:40]))
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of_environment(cls, environment: Mapping[str, str]) -> Shard:
        """The share of a pod of an Indexed Job; the whole where there is no such job.

        Raises:
            ShardError: The environment names an index without the count, or no numbers.
        """
        if JOB_INDEX not in environment:
            return cls()
        if JOB_COUNT not in environment:
            raise ShardError(JOB_COUNT, f"must be set where {JOB_INDEX} is", "nothing")
        return cls.parse(f"{environment[JOB_INDEX]}/{environment[JOB_COUNT]}")

    def indices(self, cases: int) -> range:
        """The cases of this share, of a cohort of so many."""
        return range(self.index, cases, self.count)

    def split(self, parts: int) -> tuple[Shard, ...]:
        """This share, divided into so many."""
        return tuple(Shard(self.index + self.count * part, self.count * parts) for part in range(parts))
