from __future__ import annotations

import numpy as np
import pytest
from skimage.metrics import structural_similarity

from imaging.replicas.align import AlignedSlices, join
from imaging.replicas.describe import descriptor
from imaging.replicas.nearest import find_nearest, similarity
from tests.imaging.replicas.slices import cohort, copies


@pytest.fixture(scope="module")
def training():
    return cohort(4)


def changed(slices, change):
    return AlignedSlices(change(slices.images), slices.patients, slices.numbers)


def test_a_slice_is_nearest_to_itself(training):
    found = find_nearest(training, training)
    assert found.index.tolist() == list(range(12))
    np.testing.assert_allclose(found.correlation, 1, rtol=1e-5)
    np.testing.assert_allclose(found.ssim, 1, rtol=1e-5)


def test_a_noisy_mirrored_copy_is_found(training):
    original = training.take(slice(0, 3))
    found = find_nearest(changed(copies(original), lambda images: np.ascontiguousarray(images[:, :, ::-1])), training)
    assert found.index.tolist() == [0, 1, 2]
    assert found.mirrored.all()
    strangers = find_nearest(original, training, other_patients=True)
    assert (found.correlation > 0.95).all()
    assert (found.correlation > strangers.correlation + 0.2).all()
    assert (found.ssim > strangers.ssim + 0.2).all()


def test_of_copies_the_one_of_the_same_brightness_is_nearest(training):
    """Half as bright it correlates as well; SSIM tells them apart."""
    first = training.take(slice(0, 1))
    darker = changed(first, lambda images: images // 2)
    assert find_nearest(first, join([darker, first])).index.tolist() == [1]


def test_a_copy_of_another_brightness_is_nearer_than_strangers_of_the_same(training):
    darker = changed(training.take(slice(0, 3)), lambda images: images // 4)
    assert find_nearest(darker, training).index.tolist() == [0, 1, 2]


def test_the_own_patient_can_be_left_out(training):
    found = find_nearest(training, training, other_patients=True)
    assert (training.patients[found.index] != training.patients).all()
    assert (found.correlation < 0.99).all()


def test_without_another_patient_there_is_no_nearest():
    one = cohort(1)
    found = find_nearest(one, one, other_patients=True)
    assert (found.index == -1).all()
    assert np.isnan(found.correlation).all()
    assert np.isnan(found.ssim).all()


def test_a_known_index_changes_nothing(training):
    query = training.take(slice(0, 2))
    plain, known = (find_nearest(query, training, index=index) for index in (None, descriptor(training)))
    np.testing.assert_array_equal(plain.ssim, known.ssim)


def test_no_slice_has_no_nearest(training):
    assert find_nearest(training.take(slice(0, 0)), training).index.shape == (0,)


def test_similarity_is_over_the_brain_of_either(training):
    one, other = training.images[0], training.images[5]
    maps = [
        structural_similarity(
            a.astype(float), b.astype(float), data_range=255, full=True, gaussian_weights=True, sigma=1.5,
            use_sample_covariance=False,
        )[1]
        for a, b in zip(one, other, strict=True)
    ]  # fmt: skip
    brain = (one > 0).any(axis=0) | (other > 0).any(axis=0)
    assert not brain.all()
    assert similarity(one, other) == pytest.approx(np.mean([m[brain].mean() for m in maps]), abs=1e-4)
    assert similarity(one, other) == pytest.approx(similarity(other, one), abs=1e-5)
