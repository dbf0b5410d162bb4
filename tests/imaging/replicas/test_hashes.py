from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.replicas.align import ReplicaError
from imaging.replicas.describe import CELLS, Descriptors, descriptor, mirror
from imaging.replicas.hashes import BITS, HASH_BYTES, correlate, estimate_error, hash_slices
from tests.imaging.replicas.slices import cohort

LENGTH = 4 * CELLS**2


def pairs(correlation, count, *, seed=0):
    """Descriptors, each of which correlates as told with its namesake in the second half."""
    one, other = np.random.default_rng(seed).normal(size=(2, count, LENGTH))
    one /= np.linalg.norm(one, axis=1, keepdims=True)
    other -= (one * other).sum(axis=1, keepdims=True) * one
    other /= np.linalg.norm(other, axis=1, keepdims=True)
    both = np.concatenate([one, correlation * one + np.sqrt(1 - correlation**2) * other]).astype(np.float32)
    return Descriptors(both, np.array(["a"] * count + ["b"] * count))


def pair(correlation, *, seed=0):
    return pairs(correlation, 1, seed=seed)


@settings(deadline=None, max_examples=20)
@given(correlation=st.floats(-1, 1), seed=st.integers(0, 2**16))
def test_agreement_of_bits_tells_the_correlation(correlation, seed):
    hashes = hash_slices(pair(correlation, seed=seed))
    # The angle's standard deviation is at most pi / 2 / sqrt(BITS) = 0.05.
    assert correlate(hashes[:1], hashes[1:])[0, 0] == pytest.approx(correlation, abs=5 * 0.05)


def test_the_estimate_is_unbiased_and_as_exact_as_theory_says():
    found = np.diag(correlate(*np.split(hash_slices(pairs(0.7, 200)), 2)))
    angle = np.arccos(0.7)
    share = angle / np.pi
    expected = np.pi * np.sin(angle) * np.sqrt(share * (1 - share) / BITS)
    assert found.std() == pytest.approx(expected, rel=0.2)
    assert found.mean() == pytest.approx(0.7, abs=4 * expected / np.sqrt(200))


def test_a_slice_is_itself_and_its_negative_is_its_opposite():
    hashes = hash_slices(pair(-1.0))
    assert correlate(hashes, hashes).round(6).tolist() == [[1, -1], [-1, 1]]
    assert hashes.shape == (2, HASH_BYTES)


def test_hashes_are_the_same_everywhere():
    """An index that was made elsewhere is of no use with other projections."""
    numbers = np.random.PCG64(1).random_raw(2 * LENGTH).reshape(2, LENGTH) % 401
    vectors = ((numbers.astype(np.int64) - 200) / 8192).astype(np.float32)
    digest = hashlib.sha256(hash_slices(Descriptors(vectors, np.array(["a", "b"]))).tobytes()).hexdigest()
    assert digest == "736cdcd17e567e9ee7a26ea1855703f5f4d5bce042a177fe046225e2a203b5cc"


def test_hashes_do_not_depend_on_what_is_hashed_beside():
    slices = descriptor(cohort(3))
    alone = [
        hash_slices(Descriptors(slices.vectors[row : row + 1], slices.patients[row : row + 1])) for row in range(9)
    ]
    np.testing.assert_array_equal(hash_slices(slices), np.concatenate(alone))


def test_mirroring_twice_gives_the_same():
    slices = descriptor(cohort(1))
    np.testing.assert_array_equal(mirror(mirror(slices)).vectors, slices.vectors)
    assert (mirror(slices).vectors != slices.vectors).any()


def test_the_error_is_of_pairs_of_different_patients_that_are_near():
    one, other = pair(0.9).vectors
    far = pair(0.1, seed=1).vectors[0]
    slices = Descriptors(np.stack([one, one, other, far]), np.array(["a", "a", "b", "c"]))
    error = estimate_error(slices)
    assert error.pairs == 4
    hashes = hash_slices(slices)
    exact = float(one @ other)
    assert error.bias == pytest.approx(float(correlate(hashes[:1], hashes[2:3])[0, 0]) - exact, abs=1e-6)
    assert error.rms == pytest.approx(abs(error.bias), abs=1e-6)
    assert error.largest == pytest.approx(abs(error.bias), abs=1e-6)


def test_faults_are_typed():
    with pytest.raises(ReplicaError, match=r"slices: must hold two of different patients"):
        estimate_error(pair(0.1))
    long = np.zeros((1, 5 * CELLS**2), dtype=np.float32)
    with pytest.raises(ReplicaError, match=r"vectors: must have at most 4096 components, got 5120"):
        hash_slices(Descriptors(long, np.array(["a"])))
