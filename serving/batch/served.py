"""Cases by a generator that an engine serves."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from imaging.brainmap.draw import Painter
from imaging.brainmap.maps import BrainMap
from imaging.brainmap.store import digest_map
from imaging.exam import Exam
from imaging.replicas.index import ReplicaIndex
from imaging.replicas.verdict import ReplicaVerdict, judge
from imaging.synthesis.case import BuiltinSource, CasePlan, make_case
from serving.batch.making import CaseMaker, MadeCase
from serving.batch.patience import Patience, PatientPainter
from serving.batch.plan import plan_case
from serving.batch.running import running_triton
from serving.batch.sources import SourceCatalog
from serving.batch.spec import CohortSpec
from serving.inference.networks import GENERATOR_PREFIX
from serving.settings import Settings
from serving.synthesis.painter import open_painter
from serving.synthesis.provenance import CohortRecord, GeneratorRecord, source_record

_log = logging.getLogger(__name__)

REPLICA_INDEX_FILE = "replicas.npz"
"""Beside a generator, in its folder of the model repository."""


@dataclass(frozen=True, eq=False)
class Studio:
    """A generator at work: draws cases by their plans, and judges them. Thread-safe.

    Args:
        painter: Draws slices.
        micro_batch: Slices per call of it.
        generator: What draws.
        index: Of the generator's training patients; None where there is none.
        patience: With an engine that is away.
    """

    painter: Painter
    micro_batch: int
    generator: GeneratorRecord
    index: ReplicaIndex | None
    patience: Patience

    def make(
        self, plan: CasePlan, source_map: BrainMap, *, library: str | None, cohort: CohortRecord | None
    ) -> MadeCase:
        """Make a case.

        Args:
            plan: Of the case.
            source_map: The map that `plan.source` names.
            library: Digest of the library that it is from; None for the built-in source.
            cohort: What the case belongs to.

        Raises:
            StoppedError: The process was told to end.
            ImagingError: The map can't take the edit, or what is drawn is no exam.
            ServingError: The generator failed and did not come back.
        """
        self.patience.check()
        map_digest = digest_map(source_map)
        painter = PatientPainter(self.painter, self.patience)
        case = make_case(plan, source_map, painter, micro_batch=self.micro_batch)
        self.patience.check()
        source_digest = None if isinstance(plan.source, BuiltinSource) else map_digest
        return MadeCase(
            case=case,
            source=source_record(plan.source, map_digest=map_digest, library=library),
            cohort=cohort,
            generator=self.generator,
            verdict=self._judge(case.exam, source_digest),
        )

    def _judge(self, exam: Exam, source_digest: str | None) -> ReplicaVerdict | None:
        return None if self.index is None else judge(exam, self.index, source_digest=source_digest)


@dataclass(frozen=True)
class StudioSettings:
    """How a studio is opened.

    Args:
        settings: Name the engine and the model repository.
        generator: What draws, e.g. `joint`.
        replica_index: The generator's index of training patients; None for the one in the model repository. There need
            not be one there, as opposed to one that is named.
        patience_s: Seconds that an engine may be away.
    """

    settings: Settings
    generator: str
    replica_index: Path | None = None
    patience_s: float = Patience.total_s

    @contextmanager
    def shared(self) -> Iterator[StudioSettings]:
        """The same over an engine that any number of processes may use: a Triton of our own is started but once.

        It is started again when it dies.

        Raises:
            ServingError: It could not be started.
        """
        with running_triton(self.settings) as settings:
            yield replace(self, settings=settings)

    @contextmanager
    def open(self, stopping: threading.Event) -> Iterator[Studio]:
        """A studio, ready.

        Args:
            stopping: Once set, what is being drawn is given up.

        Raises:
            ReplicaIndexError: The index is none.
            ServingError: The generator can't be had.
            OSError: The index can't be read.
        """
        index, patience = self._load_index(), Patience(stopping, total_s=self.patience_s)
        with ExitStack() as stack:
            settings = stack.enter_context(running_triton(self.settings))
            painter = patience.call(lambda: stack.enter_context(open_painter(settings, self.generator)))
            yield Studio(painter, painter.micro_batch, GeneratorRecord.of(painter.generator), index, patience)

    @property
    def index_path(self) -> Path:
        """Where the index of training patients is, if there is one."""
        beside = self.settings.models / f"{GENERATOR_PREFIX}{self.generator}" / REPLICA_INDEX_FILE
        return beside if self.replica_index is None else self.replica_index

    @property
    def judges(self) -> bool:
        """Whether cases are checked for replicas."""
        return self.replica_index is not None or self.index_path.is_file()

    def _load_index(self) -> ReplicaIndex | None:
        if not self.judges:
            _log.info("replicas.unchecked", extra={"generator": self.generator, "missing": REPLICA_INDEX_FILE})
            return None
        return ReplicaIndex.load(self.index_path)


@dataclass(frozen=True, eq=False)
class SpecMaker:
    """Makes the cases of a spec. Implements `CaseMaker`.

    Args:
        spec: The cohort.
        sources: Its libraries.
        studio: Draws.
    """

    spec: CohortSpec
    sources: SourceCatalog
    studio: Studio

    @property
    def generator(self) -> GeneratorRecord:
        """What draws."""
        return self.studio.generator

    @property
    def judged_by(self) -> str | None:
        """Digest of the index of replicas; None where there is none."""
        return None if self.studio.index is None else self.studio.index.digest

    def make(self, index: int) -> MadeCase:
        """As of `CaseMaker`."""
        self.studio.patience.check()
        planned = plan_case(self.spec, self.sources, index)
        cohort = CohortRecord(
            name=self.spec.name,
            digest=self.spec.digest,
            seed=self.spec.seed,
            enhancement=planned.wish.enhancement,
            volume_ml=planned.wish.volume_ml,
            side=planned.wish.side,
            attempts=planned.attempts,
            modalities=self.spec.modalities,
        )
        return self.studio.make(planned.plan, planned.source_map, library=planned.library, cohort=cohort)


@dataclass(frozen=True)
class ServedMaking:
    """Cases of a spec by a served generator. Implements `Making`.

    Args:
        spec: The cohort; its generator is that of the studio.
        studio: How the generator is had.
    """

    spec: CohortSpec
    studio: StudioSettings

    @contextmanager
    def shared(self) -> Iterator[ServedMaking]:
        """As of `Making`."""
        with self.studio.shared() as studio:
            yield replace(self, studio=studio)

    @contextmanager
    def open(self, stopping: threading.Event) -> Iterator[CaseMaker]:
        """As of `Making`.

        Raises:
            SpecError: A library can't give what the spec wants of it.
        """
        sources = SourceCatalog.open(self.spec)
        with self.studio.open(stopping) as studio:
            yield SpecMaker(self.spec, sources, studio)
