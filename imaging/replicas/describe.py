"""Slices as vectors whose products are correlations: enough to find a copy, too coarse to be an image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imaging.replicas.align import SIDE, AlignedSlices, ReplicaError

CELLS = 32
"""Cells along I and J of a descriptor."""
_ROWS_AT_ONCE = 512


@dataclass(frozen=True, eq=False)
class Descriptors:
    """A vector for each slice, whose product with another slice's is their correlation. Valid once constructed.

    Args:
        vectors: `float32 [slice, contrast * 32 * 32]`, of length 1: per contrast the z-scores of the aligned slice's
            brain in cells, 0 outside, all contrasts weighing the same.
        patients: `str [slice]`, as in `AlignedSlices`.

    Raises:
        ReplicaError: Types or lengths do not fit.
    """

    vectors: npt.NDArray[np.float32]
    patients: npt.NDArray[np.str_]

    def __post_init__(self) -> None:
        vectors = self.vectors
        if vectors.dtype != np.float32 or vectors.ndim != 2 or vectors.shape[1] % CELLS**2:
            rule = f"must be float32 [slice, contrast * {CELLS**2}]"
            raise ReplicaError("vectors", rule, f"{vectors.dtype} of shape {vectors.shape}")
        if self.patients.shape != vectors.shape[:1]:
            raise ReplicaError("patients", f"must be one for each of {len(vectors)} slices", f"{self.patients.shape}")

    def __len__(self) -> int:
        return len(self.vectors)


@dataclass(frozen=True, eq=False)
class Candidates:
    """The training slices that correlate best with each of `n` slices, best first.

    Args:
        indices: `int [n, k]`, into the training slices; -1 where there are fewer than k.
        correlations: `float32 [n, k]`, -1 to 1; -2 where there is none.
        mirrored: `bool [n, k]`: whether they do with left and right exchanged.
    """

    indices: npt.NDArray[np.intp]
    correlations: npt.NDArray[np.float32]
    mirrored: npt.NDArray[np.bool_]


_NONE = -2.0


def descriptor(slices: AlignedSlices) -> Descriptors:
    """Describe slices. One that is flat in all contrasts gets zeros and correlates with nothing."""
    count, contrasts = slices.images.shape[:2]
    step = SIDE // CELLS
    vectors = np.zeros((count, contrasts * CELLS**2), dtype=np.float32)
    for start in range(0, count, _ROWS_AT_ONCE):
        images = slices.images[start : start + _ROWS_AT_ONCE].astype(np.float32)
        cells = images.reshape(len(images), contrasts, CELLS, step, CELLS, step).mean(axis=(3, 5))
        brain = cells.any(axis=1, keepdims=True)
        size = np.maximum(brain.sum(axis=(2, 3), keepdims=True), 1)
        deviations = np.where(brain, cells - cells.sum(axis=(2, 3), keepdims=True) / size, 0.0)
        spread = np.sqrt((deviations**2).sum(axis=(2, 3), keepdims=True))
        scores = np.divide(deviations, spread, out=np.zeros_like(deviations), where=spread > 0)
        flat = scores.reshape(len(images), -1)
        length = np.linalg.norm(flat, axis=1, keepdims=True)
        vectors[start : start + len(images)] = np.divide(flat, length, out=np.zeros_like(flat), where=length > 0)
    return Descriptors(vectors, slices.patients)


def find_candidates(
    slices: Descriptors, training: Descriptors, *, count: int, other_patients: bool = False
) -> Candidates:
    """The training slices that correlate best with each slice, as it is or mirrored.

    Args:
        slices: What is looked for.
        training: Where.
        count: How many for each slice, at least 1.
        other_patients: Whether the slice's own patient is left out.

    Returns:
        Candidates, best first; fewer than `count` for a slice that has fewer.

    Raises:
        ReplicaError: Descriptors differ in length, or there is no training slice.
    """
    if slices.vectors.shape[1] != training.vectors.shape[1]:
        got = f"{slices.vectors.shape[1]} and {training.vectors.shape[1]}"
        raise ReplicaError("vectors", "must be equally long", got)
    if not len(training):
        raise ReplicaError("training", "must hold at least one slice", "none")
    count = min(count, len(training))
    indices = np.empty((len(slices), count), dtype=np.intp)
    best = np.empty((len(slices), count), dtype=np.float32)
    turned_vectors = mirror(slices).vectors
    mirrored = np.empty((len(slices), count), dtype=np.bool_)
    for start in range(0, len(slices), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        straight = slices.vectors[rows] @ training.vectors.T
        turned = turned_vectors[rows] @ training.vectors.T
        larger = np.maximum(straight, turned)
        if other_patients:
            larger[slices.patients[rows, np.newaxis] == training.patients] = _NONE
        # Stable, so that of equals the first one is taken on every machine.
        order = np.argsort(-larger, axis=1, kind="stable")[:, :count]
        best[rows] = np.take_along_axis(larger, order, axis=1)
        mirrored[rows] = np.take_along_axis(turned > straight, order, axis=1)
        indices[rows] = np.where(best[rows] == _NONE, -1, order)
    return Candidates(indices, best, mirrored)


def mirror(slices: Descriptors) -> Descriptors:
    """Descriptors of the same slices with left and right, axis I, exchanged."""
    count, length = slices.vectors.shape
    cells = slices.vectors.reshape(count, length // CELLS**2, CELLS, CELLS)
    return Descriptors(np.ascontiguousarray(cells[:, :, ::-1]).reshape(count, length), slices.patients)
