from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.replicas.align import AlignedSlices, ReplicaError
from imaging.replicas.describe import CELLS, Descriptors, descriptor, find_candidates
from tests.imaging.replicas.slices import CONTRASTS, cohort


def test_products_are_correlations_over_the_brain():
    """Against a correlation coefficient computed cell by cell; with brains alike, zeros outside change nothing."""
    slices = cohort(2, slices=1)
    vectors = descriptor(slices).vectors
    cells = slices.images.reshape(2, CONTRASTS, CELLS, 3, CELLS, 3).mean(axis=(3, 5))
    brain = cells[0].any(axis=0)
    assert (brain == cells[1].any(axis=0)).all()
    expected = [np.corrcoef(cells[0, c][brain], cells[1, c][brain])[0, 1] for c in range(CONTRASTS)]
    assert vectors[0] @ vectors[1] == pytest.approx(np.mean(expected), abs=1e-5)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)


@settings(deadline=None, max_examples=10)
@given(gain=st.floats(0.4, 1.0))
def test_a_darker_copy_has_the_same_descriptor(gain):
    slices = cohort(1)
    darker = AlignedSlices(np.rint(slices.images * gain).astype(np.uint8), slices.patients, slices.numbers)
    np.testing.assert_allclose((descriptor(slices).vectors * descriptor(darker).vectors).sum(axis=1), 1, atol=1e-2)


def test_a_flat_slice_correlates_with_nothing():
    slices = cohort(1)
    flat = AlignedSlices(np.full_like(slices.images, 7), slices.patients, slices.numbers)
    assert not descriptor(flat).vectors.any()


def test_candidates_are_the_best_of_all_pairs():
    slices = descriptor(cohort(4))
    found = find_candidates(slices, slices, count=3)
    assert found.indices[:, 0].tolist() == list(range(len(slices)))
    np.testing.assert_allclose(found.correlations[:, 0], 1, rtol=1e-5)
    turned = slices.vectors.reshape(-1, CONTRASTS, CELLS, CELLS)[:, :, ::-1].reshape(slices.vectors.shape)
    every = np.maximum(slices.vectors @ slices.vectors.T, turned @ slices.vectors.T)
    np.testing.assert_allclose(found.correlations, -np.sort(-every, axis=1)[:, :3], atol=1e-5)


def test_the_own_patient_can_be_left_out():
    slices = descriptor(cohort(3))
    found = find_candidates(slices, slices, count=6, other_patients=True)
    assert (slices.patients[found.indices] != slices.patients[:, np.newaxis]).all()
    assert (found.correlations < 0.99).all()


def test_places_without_a_candidate_are_told():
    slices = descriptor(cohort(2))
    found = find_candidates(slices, slices, count=5, other_patients=True)
    assert (found.indices[:, :3] >= 0).all()
    assert (found.indices[:, 3:] == -1).all()
    assert find_candidates(slices, slices, count=50).indices.shape == (6, 6)


def test_mirrored_copies_are_found():
    slices = cohort(2)
    mirrored = AlignedSlices(np.ascontiguousarray(slices.images[:, :, ::-1]), slices.patients, slices.numbers)
    found = find_candidates(descriptor(mirrored), descriptor(slices), count=1)
    assert found.indices[:, 0].tolist() == list(range(6))
    assert found.mirrored.all()
    assert not find_candidates(descriptor(slices), descriptor(slices), count=1).mirrored.any()


def test_faults_are_typed():
    one = descriptor(cohort(1))
    for other, field in (
        (Descriptors(one.vectors[:, : CELLS**2], one.patients), "vectors"),
        (Descriptors(one.vectors[:0], one.patients[:0]), "training"),
    ):
        with pytest.raises(ReplicaError) as raised:
            find_candidates(one, other, count=1)
        assert raised.value.field == field
    for vectors, patients, field in (
        (one.vectors.astype(np.float64), one.patients, "vectors"),
        (one.vectors[:, 1:], one.patients, "vectors"),
        (one.vectors, one.patients[1:], "patients"),
    ):
        with pytest.raises(ReplicaError) as raised:
            Descriptors(vectors, patients)
        assert raised.value.field == field
