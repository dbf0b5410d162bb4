"""Compares the files of cases with the checksums that their records give."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from serving.batch.ledger import Fate, Fates, Ledger, RecordError, sha256
from serving.batch.storage import MissingFileError, OutputFolder
from serving.synthesis.provenance import Provenance


class Harm(StrEnum):
    """What is wrong with a file."""

    MISSING = "missing"
    ALTERED = "altered"


@dataclass(frozen=True)
class Damage:
    """A file of a case that is not what was written.

    Args:
        index: The case's number.
        path: Of the file, relative to the cohort's folder.
        harm: What is wrong with it.
    """

    index: int
    path: str
    harm: Harm

    def __str__(self) -> str:
        return f"{self.path}: {self.harm.value}"


def find_damage(ledger: Ledger, fates: Fates, indices: Iterable[int]) -> Iterator[Damage]:
    """What is damaged among the cases that are made, in their order. Every file is read.

    Args:
        ledger: Of the cohort.
        fates: What became of its cases.
        indices: The cases to look at; those that are not made are passed over.

    Raises:
        StorageError: The folder can't be read.
    """
    for index in indices:
        fate = Fate.RELEASED if index in fates.released else Fate.QUARANTINED
        if index not in fates.made:
            continue
        try:
            (provenance,) = ledger.provenances(fate, [index])
        except RecordError:
            yield Damage(index, ledger.path(fate, index), Harm.ALTERED)
        except MissingFileError:
            yield Damage(index, ledger.path(fate, index), Harm.MISSING)
        else:
            yield from _of_case(ledger.folder, provenance)


def _of_case(folder: OutputFolder, provenance: Provenance) -> Iterator[Damage]:
    for path, digest in provenance.files.items():
        try:
            content = folder.read(path)
        except MissingFileError:
            yield Damage(provenance.index, path, Harm.MISSING)
            continue
        if sha256(content) != digest:
            yield Damage(provenance.index, path, Harm.ALTERED)
