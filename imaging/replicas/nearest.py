"""The nearest training slice of each slice: by correlation among all, then with SSIM among the best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from skimage.metrics import structural_similarity

from imaging.replicas.align import WHITE, AlignedSlices
from imaging.replicas.describe import Candidates, Descriptors, descriptor, find_candidates

CANDIDATES = 5
"""How many training slices SSIM is computed for, of each slice: neighbours in a volume correlate nearly alike."""


@dataclass(frozen=True, eq=False)
class Nearest:
    """The nearest training slice of each of `n` slices, and how near it is.

    Args:
        index: `int [n]`, into the training slices; -1 where there is none to compare with.
        correlation: `float64 [n]`, -1 to 1, over the brain, mean of contrasts; NaN where there is none.
        ssim: `float64 [n]`, -1 to 1, over what is brain in either, mean of contrasts; NaN where there is none.
        mirrored: `bool [n]`: whether left and right had to be exchanged.
    """

    index: npt.NDArray[np.intp]
    correlation: npt.NDArray[np.float64]
    ssim: npt.NDArray[np.float64]
    mirrored: npt.NDArray[np.bool_]

    @property
    def likeness(self) -> npt.NDArray[np.float64]:
        """Mean of correlation and SSIM, `float64 [n]`, -1 to 1: by this one slice is nearer than another.

        Noise takes SSIM from a copy but leaves its correlation, a shift takes both in part: what is left of one makes
        up for the other. Strangers excel in one at most: correlation where there is little to see, SSIM where all is
        smooth.
        """
        return (self.correlation + self.ssim) / 2


def find_nearest(
    synthetic: AlignedSlices,
    training: AlignedSlices,
    *,
    index: Descriptors | None = None,
    other_patients: bool = False,
) -> Nearest:
    """Find the nearest training slice of each slice.

    Of the `CANDIDATES` training slices that correlate best, mirrored or not, it is the one with the highest
    `Nearest.likeness`; all figures are of this same pair.

    Args:
        synthetic: What is looked for; may be real slices too.
        training: Where.
        index: What `descriptor` gives for the training slices, where that is known already.
        other_patients: Whether the slice's own patient is left out: the source of a synthetic one.

    Returns:
        The nearest of each.

    Raises:
        ReplicaError: Contrasts differ in number, or there is no training slice.
    """
    if index is None:
        index = descriptor(training)
    candidates = find_candidates(descriptor(synthetic), index, count=CANDIDATES, other_patients=other_patients)
    return _pick(synthetic, training, candidates)


def _pick(synthetic: AlignedSlices, training: AlignedSlices, candidates: Candidates) -> Nearest:
    """The nearest of each slice's candidates."""
    count = len(synthetic)
    index = np.full(count, -1, dtype=np.intp)
    correlation, ssim = np.full(count, np.nan), np.full(count, np.nan)
    mirrored = np.zeros(count, dtype=np.bool_)
    for row, image in enumerate(synthetic.images):
        there = np.flatnonzero(candidates.indices[row] >= 0)
        if not there.size:
            continue
        likeness = np.array(
            [
                similarity(image[:, ::-1] if candidates.mirrored[row, one] else image, training.images[other])
                for one, other in zip(there, candidates.indices[row, there], strict=True)
            ]
        )
        best = int(np.argmax(likeness + candidates.correlations[row, there]))
        index[row] = candidates.indices[row, there[best]]
        correlation[row] = candidates.correlations[row, there[best]]
        ssim[row] = likeness[best]
        mirrored[row] = candidates.mirrored[row, there[best]]
    return Nearest(index, correlation, ssim, mirrored)


def similarity(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> float:
    """SSIM of two aligned slices `uint8 [contrast, i, j]` over what is brain in either, mean of contrasts."""
    _, likeness = structural_similarity(
        one.astype(np.float32),
        other.astype(np.float32),
        data_range=WHITE,
        channel_axis=0,
        full=True,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    # Background would count as likeness.
    brain = one.any(axis=0) | other.any(axis=0)
    return float(likeness[:, brain].mean())
