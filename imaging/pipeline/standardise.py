"""From an exam as it was acquired to one that the networks were made for: aligned, of 1 mm voxels, the brain alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from imaging.casecheck.check import CaseReport
from imaging.casecheck.shape import OBLIQUE_DEG
from imaging.errors import ExamError, GeometryError
from imaging.exam import Exam
from imaging.geometry import Grid
from imaging.modality import Modality
from imaging.pipeline.check import has_standard_spacing
from imaging.pipeline.flight import fly
from imaging.pipeline.observer import Stage
from imaging.pipeline.stages import Stages
from imaging.raw_exam import RawExam
from imaging.regions import BoolVolume
from imaging.registration.motion import RigidMotion
from imaging.registration.rigid import Alignment, align_all
from imaging.resample.grid import isotropic_grid
from imaging.resample.masks import resample_mask
from imaging.resample.volume import Interpolation, resample
from imaging.volume import Volume

FIXED = Modality.T1CE
"""What the others are moved onto, and what the brain is found on (paper, section 2.2)."""


class ExtractBrain(Protocol):
    """Finds the brain."""

    def __call__(self, volume: Volume, *, field: str, check_cancelled: Callable[[], None]) -> BoolVolume:
        """The brain of a head, `bool [i, j, k]` on the volume's own grid.

        Args:
            volume: With its skull.
            field: How it is named in an error.
            check_cancelled: Called before each piece of work; raises where the result is not wanted any more.

        Raises:
            ExamError: It shows nothing like a brain.
        """
        ...


MAX_SPLINE_SPACING_MM = 1.5
"""Longest edge of voxels between which splines interpolate."""
_LEAST_INTENSITY = 1e-3

NOT_REGISTERED = Alignment(RigidMotion.identity(), registered=False, similarity_before=0.0, similarity_after=0.0)


@dataclass(frozen=True)
class Preparation:
    """What was done to one modality.

    Args:
        alignment: How it was moved onto the T1CE.
        resampled: Whether it was interpolated onto another grid.
        brain_extracted: Whether everything but the brain was removed.
    """

    alignment: Alignment
    resampled: bool
    brain_extracted: bool


@dataclass(frozen=True, eq=False)
class StandardExam:
    """An exam that can be segmented, and how it came to be.

    Args:
        exam: Skull-stripped, co-registered, 1 mm, in RAS+ order.
        brain: What was found on the T1CE before it was resampled, `uint8 [i, j, k]` in RAS+ order on its own grid; None
            where the exam came skull-stripped.
        preparations: What was done to each modality.
    """

    exam: Exam
    brain: Volume | None
    preparations: Mapping[Modality, Preparation]


def standardise(
    raw: RawExam,
    report: CaseReport,
    *,
    extract: ExtractBrain | None,
    stages: Stages,
    max_voxels: int,
    threads: int,
) -> StandardExam:
    """Do what the case check found missing, and no more: what is in shape already keeps its voxels.

    Args:
        raw: With a T1CE.
        report: What the case check found of it.
        extract: Finds the brain; None where nothing can.
        stages: Are told, timed, and may cancel.
        max_voxels: Of one modality of the outcome.
        threads: For the registrations, and for interpolation.

    Raises:
        ExamError: It needs brain extraction and there is none, or no brain is found.
        GeometryError: Its field of view would take more voxels of 1 mm than allowed.
        RegistrationError: A modality can't be aligned.
        PipelineCancelledError: The result is not wanted any more.
    """
    if not report.skull_stripped and extract is None:
        raise ExamError("exam", "must be skull-stripped, as no brain extraction is served here", "an exam with a skull")
    # In RAS+ order from here on: the outcome must not depend on the order in which a scanner stores voxels.
    volumes = {name: volume.canonical() for name, volume in raw.volumes.items()}
    grid = _grid(volumes[FIXED].grid, max_voxels=max_voxels)
    brain = None
    if not report.skull_stripped and extract is not None:
        # On the T1CE as acquired: interpolated slices would blur the brain's edge.
        with stages.run(Stage.EXTRACT_BRAIN):
            found = extract(volumes[FIXED], field=FIXED.value, check_cancelled=stages.observer.check_cancelled)
            brain = Volume(found.astype(np.uint8), volumes[FIXED].grid)
    alignments = dict.fromkeys(volumes, NOT_REGISTERED)
    if not report.aligned:
        with stages.run(Stage.REGISTER):
            alignments.update(
                align_all(volumes, FIXED, threads=threads, check_cancelled=stages.observer.check_cancelled)
            )
    changed = [name for name in volumes if alignments[name].registered or not volumes[name].grid.matches(grid)]
    if changed or brain is not None:
        with stages.run(Stage.RESAMPLE):
            volumes |= _all_resampled(
                {name: volumes[name] for name in changed},
                grid,
                alignments,
                stripped=report.skull_stripped,
                stages=stages,
                threads=threads,
            )
            if brain is not None:
                kept = resample_mask(brain.voxels != 0, brain.grid, grid)
                volumes = {name: _only(volume, kept) for name, volume in volumes.items()}
    preparations = {
        name: Preparation(alignments[name], resampled=name in changed, brain_extracted=brain is not None)
        for name in volumes
    }
    return StandardExam(Exam(volumes), brain, preparations)


def _grid(fixed: Grid, *, max_voxels: int) -> Grid:
    """The grid that the networks work on: the T1CE's own where that will do, so that its voxels stay what they are."""
    if fixed.obliqueness_deg <= OBLIQUE_DEG and has_standard_spacing(fixed):
        return fixed
    grid = isotropic_grid(fixed)
    voxels = int(np.prod(grid.shape, dtype=np.int64))
    if voxels > max_voxels:
        raise GeometryError(FIXED.value, f"field of view must hold at most {max_voxels} voxels of 1 mm", f"{voxels}")
    return grid


def _all_resampled(
    volumes: Mapping[Modality, Volume],
    grid: Grid,
    alignments: Mapping[Modality, Alignment],
    *,
    stripped: bool,
    stages: Stages,
    threads: int,
) -> dict[Modality, Volume]:
    """Contrasts on the grid that the networks work on, some of them at one time."""
    done: dict[Modality, Volume] = {}

    def work(name: Modality) -> None:
        done[name] = _resampled(volumes[name], grid, alignments[name].motion, stripped=stripped)

    fly(volumes, work, in_flight=threads, before=stages.observer.check_cancelled, done=lambda _: None)
    return done


def _resampled(volume: Volume, grid: Grid, motion: RigidMotion, *, stripped: bool) -> Volume:
    """A contrast on the grid that the networks work on.

    Thin slices are interpolated by splines, which keep edges sharp; between thick ones these would overshoot. Where the
    skull is stripped, the brain's edge is kept one: else interpolation would leave a rim of half its intensity.
    """
    thin = max(volume.grid.spacing_mm) <= MAX_SPLINE_SPACING_MM
    moved = resample(volume, grid, motion=motion, interpolation=Interpolation.BSPLINE if thin else Interpolation.LINEAR)
    if not stripped:
        return moved
    shown = Volume((volume.voxels != 0).astype(np.float32), volume.grid)
    brain = np.asarray(resample(shown, grid, motion=motion).voxels > np.float32(0.5), dtype=bool)
    # Zero stands for what is not brain, so that within it nothing may be zero by interpolation.
    values = np.where(moved.voxels == 0, np.float32(_LEAST_INTENSITY), moved.voxels)
    return _only(Volume(values, grid), brain)


def _only(volume: Volume, brain: BoolVolume) -> Volume:
    return Volume(np.where(brain, volume.voxels, 0), volume.grid)
