"""The slices of the reader study: real ones of patients never trained on, synthetic ones of the cohort."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from imaging.brainmap.apply import apply_edit
from imaging.brainmap.draw import Painter, draw_exam
from imaging.brainmap.maps import BrainMap
from imaging.brats import BratsCase, load_exam, load_reference
from imaging.modality import Modality
from imaging.regions import BoolVolume, Region
from training.errors import TrainingError
from training.experiments.cohort import SyntheticCase
from training.experiments.figures import Image, unit_volumes
from training.reader_study import StudyItem, Truth

_Exam = tuple[dict[Modality, Image], BoolVolume]


def study_items(
    real_cases: Sequence[BratsCase],
    sources: Sequence[BratsCase],
    made: Sequence[SyntheticCase],
    painter: Painter,
    *,
    real: int,
    synthetic: int,
    seed: int,
) -> list[StudyItem]:
    """Draw slices with tumour by chance, as evenly over patients as may be; every contrast from slices of its own.

    Real and synthetic slices are of different people, so that no reader can compare one with the other.

    Args:
        real_cases: Validation patients.
        sources: Training patients, in the cohort's order.
        made: The cohort.
        painter: That drew it.
        real: Real slices of each contrast.
        synthetic: Synthetic slices of each contrast.
        seed: Of all choices.

    Raises:
        TrainingError: There are fewer slices with tumour than are asked for.
    """
    rng = np.random.default_rng(seed)
    items: list[StudyItem] = []
    for truth, count, cases in ((Truth.REAL, real, len(real_cases)), (Truth.SYNTHETIC, synthetic, len(made))):
        chosen = rng.permutation(cases)[: min(count, cases)].tolist()
        exams = _real(real_cases, chosen) if truth is Truth.REAL else _synthetic(sources, made, painter, chosen)
        shares = [len(part) for part in np.array_split(np.arange(count), len(chosen))]
        for share, (volumes, tumour) in zip(shares, exams, strict=True):
            items += _slices(volumes, tumour, share, truth, rng)
    return items


def _slices(
    volumes: dict[Modality, Image], tumour: BoolVolume, share: int, truth: Truth, rng: np.random.Generator
) -> Iterator[StudyItem]:
    with_tumour = np.flatnonzero(tumour.any(axis=(0, 1)))
    if len(with_tumour) < share:
        raise TrainingError("data", f"must have {share} slices with tumour in each patient", f"{len(with_tumour)}")
    for modality, volume in volumes.items():
        for number in rng.choice(with_tumour, size=share, replace=False):
            yield StudyItem(modality, truth, np.ascontiguousarray(volume[:, :, number]))


def _real(cases: Sequence[BratsCase], chosen: Sequence[int]) -> Iterator[_Exam]:
    for index in chosen:
        exam = load_exam(cases[index])
        yield unit_volumes(exam), exam.grid.reorientation.apply(load_reference(cases[index])[Region.WT])


def _synthetic(
    sources: Sequence[BratsCase], made: Sequence[SyntheticCase], painter: Painter, chosen: Sequence[int]
) -> Iterator[_Exam]:
    for index in chosen:
        source = sources[made[index].number]
        brain_map = BrainMap.of_exam(load_exam(source), load_reference(source))
        edited = apply_edit(brain_map, made[index].edit, seed=made[index].seed)
        yield unit_volumes(draw_exam(edited, painter)), edited.regions[Region.WT]
