"""From an exam to z-scored slices of the brain's box. Training, serving and evaluation all start here."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from imaging.exam import Exam
from imaging.geometry import Reorientation
from imaging.modality import Modality
from imaging.preprocess.box import Box
from imaging.preprocess.normalise import find_brain, z_score

BRAIN_MARGIN = 8
"""Voxels around the brain: with fewer, the networks' answers at the brain's edge differ from the full frame's."""

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, eq=False)
class PreparedExam:
    """What the networks see of an exam: axial slices in RAS+ order, in the box of the brain.

    Args:
        modalities: Z-scores, `float32 [slice, i, j]` each, the box's shape.
        brain: `bool [slice, i, j]`.
        box: Where in the RAS+ volume the slices lie.
        reorientation: From the exam's own axes to RAS+ and back.
    """

    modalities: Mapping[Modality, npt.NDArray[np.float32]]
    brain: npt.NDArray[np.bool_]
    box: Box
    reorientation: Reorientation

    def restore(self, slices: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
        """Slices `[slice, i, j]` of the box as a volume `[i, j, k]` on the exam's own grid.

        It is a view of slices: transposing all of it takes longer than finding what is in it.
        """
        i, j, k = self.reorientation.target.shape
        return self.reorientation.undo(from_slices(self.box.of_slices.paste(slices, (k, i, j))))

    def cut(self, volume: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
        """A volume `[i, j, k]` on the exam's own grid as slices `[slice, i, j]` of the box."""
        return to_slices(self.box.cut(self.reorientation.apply(volume)))


def prepare(exam: Exam, *, multiple: int, threads: int = 1, full_frame: bool = False) -> PreparedExam:
    """Reorient to RAS+, find the brain, z-score inside it, cut to its box.

    Args:
        exam: Skull-stripped, 1 mm.
        multiple: Of which the box's origin and size are multiples along I and J.
        threads: Contrasts that are z-scored at one time.
        full_frame: Take the whole frame for the box, extended to multiples.

    Raises:
        ExamError: There is no brain, or a modality is constant inside it.
    """
    reorientation = exam.grid.reorientation
    canonical = {modality: reorientation.apply(volume.voxels) for modality, volume in exam.volumes.items()}
    brain = find_brain(canonical)
    if full_frame:
        box = Box.frame(brain.shape, multiple=multiple)
    else:
        box = Box.around(brain, margin=BRAIN_MARGIN, multiple=multiple)
    brain_slices = to_slices(box.cut(brain))

    def scored(modality: Modality) -> npt.NDArray[np.float32]:
        # Cut and transposed as stored, which is half the bytes of what it becomes.
        return z_score(to_slices(box.cut(canonical[modality])), brain_slices, field=modality.value)

    with ThreadPoolExecutor(threads) as pool:
        modalities = dict(zip(canonical, pool.map(scored, canonical), strict=True))
    return PreparedExam(modalities, brain_slices, box, reorientation)


def to_slices(volume: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
    """A volume `[i, j, k]` as contiguous axial slices `[slice, i, j]`."""
    return np.ascontiguousarray(np.moveaxis(volume, 2, 0))


def from_slices(slices: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
    """Axial slices `[slice, i, j]` as a volume `[i, j, k]`; a view."""
    return np.moveaxis(slices, 0, 2)
