"""Which cases of a cohort there are, and what became of them, as its folder tells: there is no other state."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

from imaging.errors import ImagingError
from serving.batch.files import QUARANTINE
from serving.batch.layouts import LayoutRules
from serving.batch.storage import OutputFolder
from serving.errors import Cause, ServingError
from serving.synthesis.provenance import Provenance

SPEC_FILE = "cohort.yaml"
MANIFEST_FILE = "manifest.json"


class Fate(StrEnum):
    """What became of a case. The value is the folder of the records, `<folder>/<case>.json`."""

    RELEASED = "provenance"
    """It is in the cohort; the record is its `Provenance`."""
    QUARANTINED = QUARANTINE
    """It was made and set aside, as it may be a replica of a training patient; the record is its `Provenance`."""
    FAILED = "failed"
    """It can't be made; the record is a `CaseFailure`."""


class RecordError(ServingError):
    """A record in a cohort's folder that is none."""

    cause = Cause.PRECONDITION


@dataclass(frozen=True)
class CaseFailure:
    """Why a case can't be made.

    Args:
        case_id: Its name.
        index: Its number in the cohort.
        kind: The error's type.
        field: What the error is about, as in the next two.
        rule: What must hold.
        got: What was found instead.
    """

    case_id: str
    index: int
    kind: str
    field: str
    rule: str
    got: str

    @classmethod
    def of(cls, case_id: str, index: int, error: ImagingError | ServingError) -> Self:
        """The record of an error."""
        return cls(case_id, index, type(error).__name__, error.field, error.rule, error.got)

    @classmethod
    def from_json(cls, content: bytes) -> Self:
        """The record that `to_json` wrote.

        Raises:
            RecordError: It is none.
        """
        try:
            return cls(**json.loads(content))
        except (ValueError, TypeError) as error:
            raise RecordError(Fate.FAILED, "must hold records as they are written", type(error).__name__) from None

    def to_json(self) -> bytes:
        """One JSON object, keys sorted."""
        return (json.dumps(asdict(self), sort_keys=True, indent=2) + "\n").encode()

    def __str__(self) -> str:
        return f"{self.field}: {self.rule}, got {self.got}"


@dataclass(frozen=True)
class Fates:
    """The cases that have a record, by index.

    Args:
        released: Those in the cohort.
        quarantined: Those set aside.
        failed: Those that can't be made, or could not when they were last tried.
    """

    released: frozenset[int]
    quarantined: frozenset[int]
    failed: frozenset[int]

    @property
    def made(self) -> frozenset[int]:
        """Those whose files are there."""
        return self.released | self.quarantined

    def within(self, indices: Iterable[int]) -> Fates:
        """Those among these cases."""
        some = frozenset(indices)
        return Fates(self.released & some, self.quarantined & some, self.failed & some)

    @property
    def all(self) -> frozenset[int]:
        """Those that have been tried."""
        return self.made | self.failed


class Ledger:
    """The records of a cohort's folder. Thread-safe, as the folder is.

    Args:
        folder: Where the cohort is.
        rules: Of its layout.
    """

    def __init__(self, folder: OutputFolder, rules: LayoutRules) -> None:
        self.folder = folder
        self._rules = rules

    def fates(self) -> Fates:
        """What became of the cases so far. A case that is made no longer counts as failed."""
        released, quarantined, failed = (self._indices(fate) for fate in Fate)
        return Fates(released, quarantined, failed - released - quarantined)

    def path(self, fate: Fate, index: int) -> str:
        """Where a case's record is, if that is what became of it."""
        return f"{fate.value}/{self._rules.case_id(index)}.json"

    def keep(self, fate: Fate, provenance: Provenance, files: Mapping[str, bytes]) -> None:
        """Write a case: its files, and then, last, the record that says that it is there.

        Args:
            fate: Released or quarantined.
            provenance: Of the case.
            files: Content by path.

        Raises:
            StorageError: The folder fails. Without its record the case counts as not made.
        """
        for path, content in files.items():
            self.folder.write(path, content)
        self.folder.write(self.path(fate, provenance.index), provenance.to_json().encode())
        self.folder.remove(self.path(Fate.FAILED, provenance.index))

    def fail(self, failure: CaseFailure) -> None:
        """Record why a case can't be made."""
        self.folder.write(self.path(Fate.FAILED, failure.index), failure.to_json())

    def forget(self, index: int) -> None:
        """Let a case count as not made."""
        for fate in Fate:
            self.folder.remove(self.path(fate, index))

    def stored(self, fate: Fate, indices: Sequence[int]) -> Iterator[bytes]:
        """The records of cases as they are stored, in the cases' order.

        Raises:
            MissingFileError: A case has none.
        """
        return self.folder.read_each([self.path(fate, index) for index in indices])

    def provenances(self, fate: Fate, indices: Sequence[int]) -> Iterator[Provenance]:
        """The records of cases that are made, in the cases' order.

        Raises:
            MissingFileError: A case has none.
            RecordError: A record is damaged, or that of another case.
        """
        return map(self.provenance_from, indices, self.stored(fate, indices))

    def provenance_from(self, index: int, content: bytes) -> Provenance:
        """A stored record, read.

        Raises:
            RecordError: It is damaged, or that of another case.
        """
        case_id = self._rules.case_id(index)
        try:
            provenance = Provenance.from_json(content)
        except ServingError as error:
            raise RecordError(case_id, f"record {error.field} {error.rule}", error.got) from None
        if (provenance.index, provenance.case_id) != (index, case_id):
            raise RecordError(case_id, "must have its own record", "that of another case")
        return provenance

    def failures(self, indices: Sequence[int]) -> Iterator[CaseFailure]:
        """Why cases can't be made, in the cases' order.

        Raises:
            MissingFileError: A case has no such record.
            RecordError: A record is damaged.
        """
        return map(CaseFailure.from_json, self.stored(Fate.FAILED, indices))

    def _indices(self, fate: Fate) -> frozenset[int]:
        found = (
            self._rules.index_of(name.removesuffix(".json"))
            for name in self.folder.names(fate.value)
            if name.endswith(".json")
        )
        return frozenset(index for index in found if index is not None)


def sha256(content: bytes) -> str:
    """Digest of a file's content, lower-case hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def as_json(document: Any) -> bytes:  # noqa: ANN401  # what JSON can say
    """A document of a cohort's folder: the same bytes for the same content."""
    return (json.dumps(document, sort_keys=True, indent=1) + "\n").encode()
