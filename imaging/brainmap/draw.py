"""From a brain map to an exam: a painter draws its slices, and they become four volumes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt

from imaging.brainmap.maps import BrainMap, BrainMapError
from imaging.exam import Exam
from imaging.modality import Modality
from imaging.preprocess.box import Box
from imaging.preprocess.prepare import from_slices, to_slices
from imaging.volume import Volume

WHITE = 1000
"""The intensity that 1 becomes in a drawn exam."""
MARGIN = 4
"""Voxels of background that a painter sees around the brain, where the frame allows it."""


OnBatch = Callable[[int, int], None]
"""Told how many slices are drawn, and of how many: before the first micro-batch and after each. What it raises ends the
drawing."""


class Painter(Protocol):
    """Draws the slices of a brain map: a network in torch, in ONNX Runtime, behind Triton."""

    multiple: int
    """Of which a slice's size must be a multiple."""

    def paint(
        self, bands: Mapping[Modality, npt.NDArray[np.uint8]], lesion: npt.NDArray[np.uint8]
    ) -> Mapping[Modality, npt.NDArray[np.float32]]:
        """Draw slices.

        Args:
            bands: `uint8 [slice, i, j]` per contrast, as in `BrainMap.bands`.
            lesion: `uint8 [slice, i, j]`, as in `BrainMap.lesion`.

        Returns:
            `float32 [slice, i, j]` per contrast, 0 to 1; what it holds outside the brain does not matter.
        """


def draw_exam(
    brain_map: BrainMap, painter: Painter, *, micro_batch: int = 8, on_batch: OnBatch = lambda _done, _total: None
) -> Exam:
    """Draw all four contrasts of a brain map.

    Args:
        brain_map: What is where.
        painter: Draws slices.
        micro_batch: Slices per call of the painter.
        on_batch: Follows the drawing, and may end it.

    Returns:
        An exam on the map's grid, `int16`, 0 outside the brain, 1 to `WHITE` inside.

    Raises:
        BrainMapError: The painter leaves a contrast out.
    """
    brain = brain_map.brain
    box = painting_box(brain, multiple=painter.multiple)
    bands = {modality: to_slices(box.cut(array)) for modality, array in brain_map.bands.items()}
    lesion = to_slices(box.cut(brain_map.lesion))
    drawn = {modality: np.zeros(lesion.shape, dtype=np.float32) for modality in Modality}
    on_batch(0, len(lesion))
    for start in range(0, len(lesion), micro_batch):
        batch = slice(start, start + micro_batch)
        painted = painter.paint({modality: array[batch] for modality, array in bands.items()}, lesion[batch])
        if missing := [modality.value for modality in Modality if modality not in painted]:
            raise BrainMapError("painter", "must draw every contrast", f"none of {', '.join(missing)}")
        for modality in Modality:
            drawn[modality][batch] = painted[modality]
        on_batch(min(start + micro_batch, len(lesion)), len(lesion))
    volumes = {}
    for modality, slices in drawn.items():
        unit = box.paste(from_slices(slices), brain_map.grid.shape)
        # A drawn voxel of the brain is never 0: zeros are how an exam says where its brain ends.
        levels = np.where(brain, np.clip(np.rint(unit * WHITE), 1, WHITE), 0).astype(np.int16)
        volumes[modality] = Volume(levels, brain_map.grid)
    return Exam(volumes)


def painting_box(brain: npt.NDArray[np.bool_], *, multiple: int) -> Box:
    """The smallest box about the brain whose size along I and J is a multiple, the brain in its middle.

    Args:
        brain: `bool [i, j, k]`, not empty.
        multiple: Of which the size is a multiple; the origin need not be.

    Raises:
        GeometryError: The mask is empty.
    """
    tight = Box.around(brain, margin=0, multiple=1)
    start, stop = list(tight.start), list(tight.stop)
    for axis in range(2):
        length = tight.shape[axis] + 2 * MARGIN
        size = -(-length // multiple) * multiple
        start[axis] = max((tight.start[axis] + tight.stop[axis] - size) // 2, 0)
        stop[axis] = start[axis] + size
    return Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
