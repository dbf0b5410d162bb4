"""What a network is shown of an exam: micro-batches of slices, each in a box of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imaging.modality import Modality
from imaging.pipeline.plan import MULTIPLE
from imaging.preprocess.box import Box
from imaging.preprocess.prepare import from_slices


@dataclass(frozen=True, eq=False)
class Window:
    """A micro-batch: some slices, and the box in which they are shown.

    Args:
        slices: Their indices, `intp [n]`, ascending, at least one.
        i: The box along I, in voxels of the prepared exam.
        j: The same along J.
    """

    slices: npt.NDArray[np.intp]
    i: slice
    j: slice

    @property
    def voxels(self) -> int:
        """How many voxels are shown."""
        return len(self.slices) * int(self.i.stop - self.i.start) * int(self.j.stop - self.j.start)

    def cut(self, modalities: Mapping[Modality, npt.NDArray[np.float32]]) -> dict[Modality, npt.NDArray[np.float32]]:
        """Its part of z-scored slices, `float32 [n, i, j]` each."""
        first, last = int(self.slices[0]), int(self.slices[-1]) + 1
        if last - first == len(self.slices):  # with no gap between them, as nearly always, nothing is copied
            return {modality: scores[first:last, self.i, self.j] for modality, scores in modalities.items()}
        return {modality: scores[self.slices, self.i, self.j] for modality, scores in modalities.items()}

    def paste(self, mask: npt.NDArray[np.bool_], into: npt.NDArray[np.bool_]) -> None:
        """Put its mask, `bool [n, i, j]`, where it belongs in one of all slices."""
        into[self.slices, self.i, self.j] = mask


def windows(where: npt.NDArray[np.bool_], *, margin: int, micro_batch: int) -> list[Window]:
    """The micro-batches that show all of a mask.

    The brain is narrow at its top and its bottom, so that a box for each micro-batch holds some 30 % less air than one
    for all of them. Each begins and ends at a multiple, see `Box.around`.

    Args:
        where: `bool [slice, i, j]`; slices that hold nothing of it are left out.
        margin: Voxels about it along I and J.
        micro_batch: Most slices in one.
    """
    slices = np.flatnonzero(where.any(axis=(1, 2)))
    batches = [slices[start : start + micro_batch] for start in range(0, len(slices), micro_batch)]
    boxes = [Box.around(from_slices(where[batch]), margin=margin, multiple=MULTIPLE) for batch in batches]
    return [
        Window(batch, slice(box.start[0], box.stop[0]), slice(box.start[1], box.stop[1]))
        for batch, box in zip(batches, boxes, strict=True)
    ]


def whole_windows(shape: tuple[int, int, int], *, micro_batch: int) -> list[Window]:
    """The micro-batches that show everything of an exam `[slice, i, j]`."""
    slices, i, j = shape
    return [
        Window(np.arange(start, min(start + micro_batch, slices)), slice(0, i), slice(0, j))
        for start in range(0, slices, micro_batch)
    ]
