"""Slices as bits: the signs of random projections of their descriptors. How many agree tells the correlation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from imaging.replicas.align import ReplicaError
from imaging.replicas.describe import Descriptors

BITS = 1024
"""Of a hash. More would tell correlations more exactly, and more of what the slices show."""
HASH_BYTES = BITS // 8
NEAR = 0.6
"""Correlations beyond which the error of their estimate is told: about where it matters."""

_SEED = 20240601
_STEPS = 8192
"""Of a descriptor's components, which become whole numbers: sums are exact, all machines find the same signs."""
_LARGEST = 2047
"""Of such a number: sums of 4096 of them are still exact in float32. Components of brains do not come near."""
_LONGEST = 4096

Hashes = npt.NDArray[np.uint8]
"""`uint8 [slice, HASH_BYTES]`, a bit per projection."""


def hash_slices(slices: Descriptors) -> Hashes:
    """Project each descriptor on `BITS` random vectors of +1 and -1, always the same ones, and keep the signs.

    Raises:
        ReplicaError: Descriptors are longer than those of four contrasts.
    """
    length = slices.vectors.shape[1]
    if length > _LONGEST:
        raise ReplicaError("vectors", f"must have at most {_LONGEST} components", f"{length}")
    whole = np.clip(np.rint(slices.vectors * _STEPS), -_LARGEST, _LARGEST).astype(np.float32)
    return np.packbits(whole @ _projections()[:length] > 0, axis=1)


def correlate(some: Hashes, others: Hashes) -> npt.NDArray[np.float32]:
    """Correlations estimated from hashes, `float32 [some, others]`, -1 to 1.

    Two vectors at an angle are parted by a random plane with a chance in proportion to the angle.
    """
    if not len(others):
        return np.zeros((len(some), 0), dtype=np.float32)
    words = others.view(np.uint64)
    apart = np.empty((len(some), len(others)), dtype=np.int64)
    for row, word in enumerate(some.view(np.uint64)):
        apart[row] = np.bitwise_count(words ^ word).sum(axis=1, dtype=np.int64)
    by_count: npt.NDArray[np.float32] = np.cos(np.pi / BITS * np.arange(BITS + 1)).astype(np.float32)
    return by_count[apart]


@dataclass(frozen=True)
class EstimateError:
    """How far estimated correlations of slices are off those computed from descriptors.

    Args:
        near: Pairs of slices that correlate with more than this were looked at.
        pairs: How many.
        bias: Mean of estimate less exact.
        rms: Root mean square of the same.
        largest: The largest difference there is.
    """

    near: float
    pairs: int
    bias: float
    rms: float
    largest: float


def estimate_error(slices: Descriptors) -> EstimateError:
    """Compare estimated correlations with those computed from descriptors.

    All pairs of slices of two patients count that correlate with more than `NEAR`, each in both orders.

    Raises:
        ReplicaError: There is no such pair.
    """
    hashed = hash_slices(slices)
    parts = []
    for patient in np.unique(slices.patients):
        own = slices.patients == patient
        exact = slices.vectors[own] @ slices.vectors[~own].T
        near = exact > NEAR
        parts.append((correlate(hashed[own], hashed[~own])[near] - exact[near]).astype(np.float64))
    differences = np.concatenate(parts)
    if not differences.size:
        raise ReplicaError(
            "slices", f"must hold two of different patients that correlate with more than {NEAR}", "none"
        )
    rms = float(np.sqrt(np.mean(differences**2)))
    return EstimateError(NEAR, differences.size, float(differences.mean()), rms, float(np.abs(differences).max()))


@lru_cache(maxsize=1)
def _projections() -> npt.NDArray[np.float32]:
    """`float32 [component, bit]`, +1 or -1. Of the generator's raw bits, which no version of NumPy changes."""
    words = np.random.PCG64(_SEED).random_raw(_LONGEST * BITS // 64).astype("<u8")
    signs = np.unpackbits(words.view(np.uint8)).reshape(_LONGEST, BITS).astype(np.float32)
    signs *= 2.0
    signs -= 1.0
    return signs
