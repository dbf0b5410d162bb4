"""Slices made comparable: cut to the brain, of one size, on one scale of intensities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from skimage.transform import resize_local_mean

from imaging.brainmap.intensity import to_unit_range
from imaging.errors import ImagingError
from imaging.exam import Exam
from imaging.modality import Modality
from imaging.preprocess.box import Box
from imaging.preprocess.normalise import find_brain
from imaging.preprocess.prepare import to_slices

SIDE = 96
"""Pixels along I and J of an aligned slice."""
MIN_BRAIN_PIXELS = 1000
"""Slices with less brain are left out: near the vertex all brains look the same."""
WHITE = 255
"""The stored intensity of 1."""


class ReplicaError(ImagingError):
    """Slices that can't be compared, or too few of them."""


@dataclass(frozen=True, eq=False)
class AlignedSlices:
    """Slices of one or many patients, cut to their brains and of one size. Valid once constructed.

    Args:
        images: `uint8 [slice, contrast, 96, 96]`, 0 outside the brain, 255 for the brain's 99.9th percentile.
        patients: `str [slice]`: whose. Of a synthetic slice: from whose map it was drawn.
        numbers: `int [slice]`: which slice of its volume.

    Raises:
        ReplicaError: Types or lengths do not fit.
    """

    images: npt.NDArray[np.uint8]
    patients: npt.NDArray[np.str_]
    numbers: npt.NDArray[np.intp]

    def __post_init__(self) -> None:
        shape = self.images.shape
        if self.images.dtype != np.uint8 or len(shape) != 4 or shape[2:] != (SIDE, SIDE):
            rule = f"must be uint8 [slice, contrast, {SIDE}, {SIDE}]"
            raise ReplicaError("images", rule, f"{self.images.dtype} of shape {shape}")
        if self.patients.shape != shape[:1] or self.numbers.shape != shape[:1]:
            got = f"{self.patients.shape} and {self.numbers.shape}"
            raise ReplicaError("patients and numbers", f"must be one for each of {len(self.images)} slices", got)

    def __len__(self) -> int:
        return len(self.images)

    def take(self, chosen: slice | npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> AlignedSlices:
        """Some of the slices."""
        return AlignedSlices(self.images[chosen], self.patients[chosen], self.numbers[chosen])


def align_slices(images: npt.NDArray[np.uint8], *, patient: str) -> AlignedSlices:
    """Align the slices of a volume: each is cut to the box of its own brain and brought to one size.

    Position and size in the frame are thereby lost, and so is the brain's aspect: copies that were moved or stretched
    look like copies again.

    Args:
        images: Axial slices, `uint8 [slice, contrast, i, j]`, 0 outside the brain, 255 for 1.
        patient: Whose.

    Returns:
        The slices with at least `MIN_BRAIN_PIXELS` of brain; there may be none.

    Raises:
        ReplicaError: The array is not uint8 with four axes.
    """
    if images.dtype != np.uint8 or images.ndim != 4:
        raise ReplicaError("images", "must be uint8 [slice, contrast, i, j]", f"{images.dtype} of {images.ndim} axes")
    brain = np.asarray(images.any(axis=1))
    chosen = np.flatnonzero(np.count_nonzero(brain, axis=(1, 2)) >= MIN_BRAIN_PIXELS)
    aligned = np.zeros((len(chosen), images.shape[1], SIDE, SIDE), dtype=np.uint8)
    for row, number in enumerate(chosen):
        box = tuple(_extent(brain[number].any(axis=axis)) for axis in (1, 0))
        cut = images[number][:, *box].astype(np.float32)
        resized = resize_local_mean(cut, (SIDE, SIDE), channel_axis=0, preserve_range=True)
        aligned[row] = np.clip(np.rint(resized), 0, WHITE)
    return AlignedSlices(aligned, np.full(len(chosen), patient), chosen)


def align_exam(exam: Exam, *, patient: str) -> AlignedSlices:
    """Align the axial slices of an exam, real or drawn.

    Args:
        exam: All four contrasts, skull-stripped.
        patient: Whose; of a drawn exam, from whose map.

    Returns:
        As `align_slices`, contrasts in the order of `Modality`.

    Raises:
        ExamError: A contrast is missing or shows nothing.
    """
    exam.require(*Modality)
    voxels = {modality: exam.grid.reorientation.apply(exam.volumes[modality].voxels) for modality in Modality}
    brain = find_brain(voxels)
    box = Box.around(brain, margin=0, multiple=1)
    inside = box.cut(brain)
    units = [to_slices(to_unit_range(box.cut(array), inside, field=each.value)) for each, array in voxels.items()]
    images = np.stack([np.rint(unit * WHITE).astype(np.uint8) for unit in units], axis=1)
    aligned = align_slices(images, patient=patient)
    return AlignedSlices(aligned.images, aligned.patients, aligned.numbers + box.start[2])


def join(parts: Sequence[AlignedSlices]) -> AlignedSlices:
    """The slices of many volumes in one.

    Raises:
        ReplicaError: There is none, or contrasts differ in number.
    """
    if not parts:
        raise ReplicaError("parts", "must hold at least one volume's slices", "none")
    if len(counts := {part.images.shape[1] for part in parts}) > 1:
        raise ReplicaError("parts", "must have the same contrasts", f"{sorted(counts)} of them")
    return AlignedSlices(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.patients for part in parts]),
        np.concatenate([part.numbers for part in parts]),
    )


def _extent(occupied: npt.NDArray[np.bool_]) -> slice:
    where = np.flatnonzero(occupied)
    return slice(int(where[0]), int(where[-1]) + 1)
