"""How far a cohort is, as its folder tells."""

from __future__ import annotations

from dataclasses import dataclass

from serving.batch.claim import stored_spec
from serving.batch.layouts import RULES
from serving.batch.ledger import MANIFEST_FILE, SPEC_FILE, Ledger
from serving.batch.storage import open_folder
from serving.errors import Cause, ServingError


class NoCohortError(ServingError):
    """The folder holds no cohort, or none yet."""

    cause = Cause.PRECONDITION


@dataclass(frozen=True)
class CohortState:
    """How far a cohort is.

    Args:
        name: Of the cohort.
        total: How many cases it is to have.
        released: Cases that are in it.
        quarantined: Cases that were made and set aside.
        failed: Cases that can't be made, or could not when they were last tried.
        finished: Whether every case has been tried and the manifest is there: nothing more will be done by itself.
    """

    name: str
    total: int
    released: int
    quarantined: int
    failed: int
    finished: bool

    @property
    def done(self) -> int:
        """Cases that are made, set aside or not."""
        return self.released + self.quarantined

    @property
    def is_complete(self) -> bool:
        """Whether it is finished and every case could be made."""
        return self.finished and self.done == self.total


def read_state(out: str) -> CohortState:
    """How far the cohort in a folder is. Reads three listings and the spec, no case.

    Args:
        out: A path, or a URL as fsspec knows it.

    Raises:
        NoCohortError: There is no cohort in it.
        AnotherCohortError: Its spec is none that this version reads.
        StorageError: It can't be read.
    """
    folder = open_folder(out)
    spec = stored_spec(folder)
    if spec is None:
        raise NoCohortError(out, f"must hold a {SPEC_FILE}", "none")
    fates = Ledger(folder, RULES[spec.layout]).fates()
    return CohortState(
        name=spec.name,
        total=spec.cases,
        released=len(fates.released),
        quarantined=len(fates.quarantined),
        failed=len(fates.failed),
        finished=len(fates.all) == spec.cases and folder.holds(MANIFEST_FILE),
    )
