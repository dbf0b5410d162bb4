"""What is counted and compared on the page: numbers, before they are drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from imaging.phantom.lesion import Enhancement
from imaging.regions import Region
from imaging.synthesis.side import Side
from serving.batch.spec import CohortSpec
from serving.synthesis.provenance import BuiltinRecord, Provenance

VOLUME_TOLERANCE = 0.05
"""Of a range's ends: a lesion on a grid of voxels does not hit a volume exactly."""


@dataclass(frozen=True)
class Share:
    """A part of the cases, as it was asked for and as it came.

    Args:
        name: Of the part.
        asked: 0 to 1; None where nothing was asked.
        came: How many cases.
        cases: Of how many.
    """

    name: str
    asked: float | None
    came: int
    cases: int

    @property
    def share(self) -> float:
        """What came, 0 to 1; 0 where there is no case."""
        return self.came / self.cases if self.cases else 0.0


@dataclass(frozen=True)
class Volumes:
    """The volumes of a region over the cases that have it.

    Args:
        region: Which.
        values_ml: Ascending.
        without: Cases that have none of it.
    """

    region: Region
    values_ml: tuple[float, ...]
    without: int


@dataclass(frozen=True)
class ReplicaFacts:
    """What the replica check said of all cases that were made.

    Args:
        judged: How many were judged.
        unjudged: How many were not: their generator has no index, or they show too little brain.
        replicas: How many are replicas.
        near_source: How many were drawn from a training patient's own map.
        largest_share: The largest share of flagged slices of a case, its source left out, 0 to 1; 0 without a case.
        thresholds: From where on a slice is near; one number, unless indexes were mixed.
        limits: The shares beyond which a case is a replica; likewise.
        indexes: sha256 of the indexes; likewise.
    """

    judged: int
    unjudged: int
    replicas: int
    near_source: int
    largest_share: float
    thresholds: tuple[float, ...]
    limits: tuple[float, ...]
    indexes: tuple[str, ...]

    @classmethod
    def of(cls, cases: Iterable[Provenance]) -> ReplicaFacts:
        """Count over cases, released and quarantined."""
        given = [case.replica for case in cases]
        judged = [verdict for verdict in given if verdict is not None and verdict.slices]
        return cls(
            judged=len(judged),
            unjudged=len(given) - len(judged),
            replicas=sum(verdict.is_replica for verdict in judged),
            near_source=sum(verdict.is_near_source for verdict in judged),
            largest_share=max((verdict.flagged / verdict.slices for verdict in judged), default=0.0),
            thresholds=tuple(sorted({verdict.threshold for verdict in judged})),
            limits=tuple(sorted({verdict.limit for verdict in judged})),
            indexes=tuple(sorted({verdict.index for verdict in judged})),
        )


def volumes_of(cases: Sequence[Provenance]) -> tuple[Volumes, ...]:
    """The volumes of WT, TC and ET."""
    found = []
    for region in Region:
        values = sorted(getattr(case.measures, f"{region.value}_ml") for case in cases)
        there = tuple(value for value in values if value > 0)
        found.append(Volumes(region, there, len(values) - len(there)))
    return tuple(found)


def within_range(values_ml: Sequence[float], asked_ml: tuple[float, float]) -> int:
    """How many volumes lie in the range that was asked for, within `VOLUME_TOLERANCE` of its ends."""
    low, high = asked_ml[0] * (1 - VOLUME_TOLERANCE), asked_ml[1] * (1 + VOLUME_TOLERANCE)
    return sum(low <= value <= high for value in values_ml)


def miss_of(cases: Sequence[Provenance]) -> float | None:
    """By how much cases miss the volume that was aimed at: the median of the relative differences; None without one."""
    aimed = [(case.measures.wt_ml, case.cohort.volume_ml) for case in cases if case.cohort is not None]
    return float(np.median([abs(made / wanted - 1) for made, wanted in aimed])) if aimed else None


def enhancement_shares(spec: CohortSpec, cases: Sequence[Provenance]) -> tuple[Share, ...]:
    """How tumours take up contrast agent."""
    counts = Counter(case.measures.enhancement for case in cases)
    asked = spec.lesion.enhancement.shares
    return tuple(Share(kind.value, asked[kind], counts[kind], len(cases)) for kind in Enhancement)


def side_shares(spec: CohortSpec, cases: Sequence[Provenance]) -> tuple[Share, ...]:
    """In which hemisphere tumours sit, the right one first, as pictures have it."""
    counts = Counter(case.measures.side for case in cases)
    wanted = spec.lesion.side.side
    asked: Mapping[Side, float | None] = {side: None if wanted is None else float(side is wanted) for side in Side}
    return tuple(Share(side.value, asked[side], counts[side], len(cases)) for side in (Side.RIGHT, Side.LEFT))


def source_shares(spec: CohortSpec, cases: Sequence[Provenance]) -> tuple[Share, ...]:
    """From which sources cases were drawn. Sources of one content count as one."""
    total = sum(source.weight for source in spec.sources)
    asked: Counter[str | None] = Counter()
    names: dict[str | None, str] = {}
    for source in spec.sources:
        key = source.digest if source.kind == "library" else None
        names.setdefault(key, "built-in" if source.kind == "builtin" else f"library {source.path.as_posix()}")
        asked[key] += source.weight / total  # type: ignore[assignment]  # a share
    came = Counter(None if isinstance(case.source, BuiltinRecord) else case.source.library for case in cases)
    return tuple(Share(name, float(asked[key]), came[key], len(cases)) for key, name in names.items())
