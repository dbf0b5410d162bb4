"""What both forms of a network are shown before one replaces the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from export.errors import ParityError
from imaging.exam import Exam
from imaging.pipeline.golden import golden_slices
from imaging.pipeline.plan import MULTIPLE, ModelPlan
from imaging.preprocess.channels import stack_channels
from imaging.preprocess.prepare import prepare
from imaging.regions import BoolVolume

CROPS = ((1, 64, 64), (2, 96, 64), (3, 64, 128), (8, 112, 112), (16, 128, 96))
"""Slices, rows and columns of the random crops: every batch size class, square and not, all multiples of 16."""
WHOLE_SLICES = 8
"""Slices shown at the brain's full size."""


@dataclass(frozen=True, eq=False)
class ParityCase:
    """One batch of slices and what is truly in them.

    Args:
        name: For the report.
        slices: `float32 [slice, channel, i, j]`, z-scored, `i` and `j` multiples of 16.
        reference: `bool [slice, i, j]`.

    Raises:
        ParityError: The shapes do not fit each other, or the batch is empty.
    """

    name: str
    slices: npt.NDArray[np.float32]
    reference: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        batch, _, *sides = self.slices.shape
        if batch == 0 or any(side % MULTIPLE for side in sides):
            raise ParityError("slices", f"must be at least one, sides multiples of {MULTIPLE}", f"{self.slices.shape}")
        if self.reference.shape != (batch, *sides):
            raise ParityError("reference", f"must be of shape {(batch, *sides)}", f"{self.reference.shape}")


def parity_cases(exam: Exam, reference: BoolVolume, *, plan: ModelPlan, seed: int = 0) -> tuple[ParityCase, ...]:
    """Golden slices, whole slices through the tumour, and random crops of several sizes and counts.

    Args:
        exam: Skull-stripped, 1 mm.
        reference: The plan's region in it, `bool [i, j, k]` on the exam's grid.
        plan: Which channels, in which order.
        seed: Of the crops' places.

    Raises:
        ExamError: The exam has no brain, or a modality is constant in it.
    """
    prepared = prepare(exam, multiple=MULTIPLE)
    truth = prepared.cut(reference)
    tumour = spread(np.flatnonzero(truth.any(axis=(1, 2))), WHOLE_SLICES)
    if tumour.size == 0:
        tumour = spread(np.arange(truth.shape[0]), WHOLE_SLICES)
    random = np.random.default_rng(seed)

    def batch(name: str, indices: npt.NDArray[np.intp], rows: slice, columns: slice) -> ParityCase:
        cut = {modality: scores[indices, rows, columns] for modality, scores in prepared.modalities.items()}
        return ParityCase(name, stack_channels(cut, plan.channels, dtype=np.float32), truth[indices, rows, columns])

    golden = golden_slices(len(plan.channels))
    nothing = np.zeros((golden.shape[0], *golden.shape[2:]), dtype=bool)
    cases = [ParityCase("golden slices", golden, nothing), batch("whole slices", tumour, slice(None), slice(None))]
    for count, height, width in CROPS:
        # A small head may be narrower than a crop; what is cut then is its whole width.
        rows, columns = (
            window(random, extent, size) for extent, size in zip(truth.shape[1:], (height, width), strict=True)
        )
        indices = np.sort(random.choice(tumour, size=count, replace=True))
        cases.append(batch(f"{count} crops of {height} x {width}", indices, rows, columns))
    return tuple(cases)


def spread(indices: npt.NDArray[np.intp], count: int) -> npt.NDArray[np.intp]:
    """At most `count` of these, evenly spread."""
    if len(indices) <= count:
        return indices
    return indices[np.linspace(0, len(indices) - 1, count).round().astype(np.intp)]


def window(random: np.random.Generator, extent: int, size: int) -> slice:
    """A random stretch of an axis; what is narrower is taken whole."""
    places: Sequence[int] = range(max(extent - size, 0) + 1)
    start = int(random.choice(places))
    return slice(start, start + size)
