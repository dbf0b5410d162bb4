"""What makes cases, as the engine around it sees it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from imaging.replicas.verdict import ReplicaVerdict
from imaging.synthesis.case import SyntheticCase
from serving.batch.ledger import sha256
from serving.synthesis.provenance import (
    BuiltinRecord,
    CohortRecord,
    GeneratorRecord,
    LibraryRecord,
    Provenance,
    measure,
    software_versions,
)


@dataclass(frozen=True, eq=False)
class MadeCase:
    """A case, before it is a file.

    Args:
        case: Exam and truth.
        source: The map that it starts from.
        cohort: What it belongs to, and what was asked of it.
        generator: What drew it.
        verdict: Whether it is a replica; None where there is no index to tell by.
    """

    case: SyntheticCase
    source: BuiltinRecord | LibraryRecord
    cohort: CohortRecord | None
    generator: GeneratorRecord
    verdict: ReplicaVerdict | None

    def provenance(self, case_id: str, index: int, files: Mapping[str, bytes]) -> Provenance:
        """The record of this case.

        Args:
            case_id: Its name.
            index: Its number in the cohort.
            files: Content by path.

        Raises:
            BrainMapError: The map has no lesion.
        """
        return Provenance(
            case_id=case_id,
            index=index,
            cohort=self.cohort,
            source=self.source,
            edit=self.case.plan.edit,
            edit_seed=self.case.plan.edit_seed,
            generator=self.generator,
            measures=measure(self.case.brain_map),
            replica=self.verdict,
            files={path: sha256(content) for path, content in files.items()},
            software=software_versions(),
        )


class CaseMaker(Protocol):
    """Makes the cases of one spec. Thread-safe."""

    @property
    def generator(self) -> GeneratorRecord:
        """What draws."""
        ...

    @property
    def judged_by(self) -> str | None:
        """Digest of the index of replicas; None where there is none."""
        ...

    def make(self, index: int) -> MadeCase:
        """Make a case: a function of its index alone.

        Raises:
            StoppedError: The process was told to end.
            CasePlanError: The spec allows no such case.
            ImagingError: A map or an exam is not what it must be.
            ServingError: The generator failed.
        """
        ...


class Making(Protocol):
    """How a maker is opened; it travels to worker processes, so it can be pickled."""

    def shared(self) -> AbstractContextManager[Making]:
        """The same over an engine that any number of processes may use while the context lasts.

        Raises:
            ServingError: It could not be started.
        """
        ...

    def open(self, stopping: threading.Event) -> AbstractContextManager[CaseMaker]:
        """A maker, ready.

        Args:
            stopping: Once set, what is being made is given up.

        Raises:
            ServingError: The generator can't be had.
        """
        ...
