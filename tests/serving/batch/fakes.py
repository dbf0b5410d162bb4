"""Small cohorts: the real planning, drawing and writing over maps of a few thousand voxels, by a painter of sums."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from imaging.brainmap.library import MapLibrary, write_index, write_map
from imaging.modality import Modality
from imaging.replicas.verdict import ReplicaVerdict
from serving.batch.making import CaseMaker, MadeCase
from serving.batch.patience import Patience
from serving.batch.plan import CasePlanError
from serving.batch.served import SpecMaker, Studio
from serving.batch.sources import SourceCatalog
from serving.batch.spec import CohortSpec, parse_spec
from serving.synthesis.provenance import GeneratorRecord
from tests.imaging.brainmap.balls import ball_map

INDEX_DIGEST = "1" * 64

SPEC = """
name: small
cases: {cases}
seed: {seed}
sources: [{{kind: library, path: maps}}]
lesion:
  volume_ml: [2, 4]
  enhancement: {{ring: 1}}
  shift_mm: [0, 6]
  depth_mm: 2
  rotation_deg: 10
  elastic_mm: [0, 1]
layout: {layout}
modalities: [{modalities}]
replicas: {{near_source: {near_source}}}
"""


def write_library(folder: Path) -> MapLibrary:
    """A library of three balls."""
    folder.mkdir(parents=True)
    maps = [ball_map(tumour=(12.5 + 2 * n, 15.5, 11.5), spacing_mm=2.0, seed=n) for n in range(3)]
    return write_index(folder, [write_map(folder, one) for one in maps], sources_digest="0" * 64)


def spec_text(
    *,
    cases: int = 4,
    seed: int = 7,
    layout: str = "brats_2023",
    near_source: str = "release",
    modalities: str = "t1, t1ce, t2, flair",
) -> str:
    return SPEC.format(cases=cases, seed=seed, layout=layout, near_source=near_source, modalities=modalities)


def small_spec(folder: Path, **options: object) -> CohortSpec:
    """A spec beside the library `folder/maps`, which is made if need be; options as of `spec_text`."""
    if not (folder / "maps").exists():
        write_library(folder / "maps")
    return parse_spec(spec_text(**options), name="cohort.yaml", folder=folder)  # type: ignore[arg-type]


class SumPainter:
    """Draws the sum of all that a slice shows, a little different for each contrast."""

    multiple = 8

    def __init__(self, *, announce: bool = False) -> None:
        self._announce = announce

    def paint(
        self, bands: Mapping[Modality, npt.NDArray[np.uint8]], lesion: npt.NDArray[np.uint8]
    ) -> Mapping[Modality, npt.NDArray[np.float32]]:
        if self._announce:
            sys.stderr.write(f"painting {os.getpid()}\n")
            sys.stderr.flush()
        total = sum(array.astype(np.float32) for array in bands.values()) / 20 + lesion / np.float32(50)
        return {
            modality: total * np.float32(1 - 0.1 * n) + bands[modality] / np.float32(40)
            for n, modality in enumerate(Modality)
        }


@dataclass(frozen=True)
class SmallMaking:
    """Implements `Making`.

    Args:
        spec: The cohort.
        sha256: Of the generator.
        refused: Cases that can't be made.
        replicas: Cases that are replicas; None where there is no index.
        near_source: Cases that are near their source.
        announce: Whether every call of the painter is told on standard error, with the process's id.
    """

    spec: CohortSpec
    sha256: str = "a" * 64
    refused: frozenset[int] = frozenset()
    replicas: frozenset[int] | None = None
    near_source: frozenset[int] = frozenset()
    announce: bool = False
    opened: list[None] = field(default_factory=list, compare=False)
    """Grows each time; within one process."""

    @contextmanager
    def shared(self) -> Iterator[SmallMaking]:
        yield self

    @contextmanager
    def open(self, stopping: threading.Event) -> Iterator[CaseMaker]:
        self.opened.append(None)
        generator = GeneratorRecord(name="generator_small", version="1", sha256=self.sha256)
        studio = Studio(SumPainter(announce=self.announce), 8, generator, None, Patience(stopping, total_s=0.0))
        yield SmallMaker(self, SpecMaker(self.spec, SourceCatalog.open(self.spec), studio))


@dataclass(frozen=True)
class SmallMaker:
    """Implements `CaseMaker`."""

    making: SmallMaking
    inner: SpecMaker

    @property
    def generator(self) -> GeneratorRecord:
        return self.inner.generator

    @property
    def judged_by(self) -> str | None:
        return None if self.making.replicas is None else INDEX_DIGEST

    def make(self, index: int) -> MadeCase:
        if index in self.making.refused:
            raise CasePlanError(f"case {index}", "must be found within 24 attempts", "24 refusals")
        made = self.inner.make(index)
        if self.making.replicas is None:
            return made
        is_replica = index in self.making.replicas
        verdict = ReplicaVerdict(
            slices=20,
            flagged=10 if is_replica else 0,
            near_source=0,
            threshold=0.9,
            limit=0.1,
            is_replica=is_replica,
            is_near_source=index in self.making.near_source,
            index=INDEX_DIGEST,
        )
        return replace(made, verdict=verdict)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, hidden ones as well."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
