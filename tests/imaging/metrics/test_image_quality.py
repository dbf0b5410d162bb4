from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import metrics

from imaging.errors import MetricError
from imaging.metrics.image_quality import QualityDomain, QualityMetric, SsimWindow, compare_domains, compare_images


def images(seed=0, shape=(24, 30)):
    rng = np.random.default_rng(seed)
    reference = rng.uniform(0, 255, shape)
    return np.clip(reference + rng.normal(0, 20, shape), 0, 255), reference


@pytest.mark.parametrize("window", list(SsimWindow))
@pytest.mark.parametrize("shape", [(24, 30), (13, 14, 15)])
def test_whole_images_are_scikit_images(window, shape):
    candidate, reference = images(shape=shape)
    got = compare_images(candidate, reference, data_range=255, ssim_window=window)
    assert got.mse == pytest.approx(metrics.mean_squared_error(reference, candidate))
    assert got.mae == pytest.approx(np.abs(candidate - reference).mean())
    assert got.psnr_db == pytest.approx(metrics.peak_signal_noise_ratio(reference, candidate, data_range=255))
    wang = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    arguments = wang if window is SsimWindow.GAUSSIAN else {"win_size": 7}
    assert got.ssim == pytest.approx(metrics.structural_similarity(reference, candidate, data_range=255, **arguments))
    margin = 5 if window is SsimWindow.GAUSSIAN else 3
    assert (got.data_range, got.domain, got.ssim_window) == (255.0, QualityDomain.IMAGE, window)
    assert got.voxels == reference.size
    assert got.ssim_voxels == np.prod([extent - 2 * margin for extent in shape])


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), window=st.sampled_from(list(SsimWindow)))
def test_symmetric_and_bounded(seed, window):
    candidate, reference = images(seed)
    forth = compare_images(candidate, reference, data_range=255, ssim_window=window)
    back = compare_images(reference, candidate, data_range=255, ssim_window=window)
    assert (forth.mse, forth.mae, forth.psnr_db, forth.ssim) == pytest.approx(
        (back.mse, back.mae, back.psnr_db, back.ssim)
    )
    assert -1 <= forth.ssim <= 1
    assert forth.mae <= math.sqrt(forth.mse)


def test_equal_images():
    _, reference = images()
    got = compare_images(reference, reference, data_range=255)
    assert (got.mse, got.mae, got.psnr_db) == (0.0, 0.0, math.inf)
    assert got.ssim == pytest.approx(1.0)


def test_only_the_mask_counts():
    _, reference = images(shape=(40, 40))
    candidate = reference.copy()
    candidate[:20] += 10
    mask = np.zeros((40, 40), bool)
    mask[:10, 2:38] = True
    inside = compare_images(candidate, reference, data_range=255, domain=QualityDomain.BRAIN, mask=mask)
    assert (inside.mse, inside.mae) == pytest.approx((100, 10))
    assert (inside.voxels, inside.ssim_voxels, inside.domain) == (360, 5 * 30, QualityDomain.BRAIN)
    # Twenty rows further on, no window reaches the changed half.
    mask = np.roll(mask, 28, axis=0)
    outside = compare_images(candidate, reference, data_range=255, domain=QualityDomain.TUMOUR, mask=mask)
    assert (outside.mse, outside.psnr_db, outside.domain) == (0.0, math.inf, QualityDomain.TUMOUR)
    assert outside.ssim == pytest.approx(1.0)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), window=st.sampled_from(list(SsimWindow)))
def test_several_domains_at_once_are_each_by_itself(seed, window):
    candidate, reference = images(seed)
    rng = np.random.default_rng(seed)
    masks = {QualityDomain.IMAGE: None, QualityDomain.BRAIN: rng.random((24, 30)) < 0.5}
    masks[QualityDomain.TUMOUR] = masks[QualityDomain.BRAIN] & (rng.random((24, 30)) < 0.5)
    masks[QualityDomain.TUMOUR][12, 15] = True
    together = compare_domains(candidate, reference, data_range=255, masks=masks, ssim_window=window)
    assert together == {
        domain: compare_images(candidate, reference, data_range=255, domain=domain, mask=mask, ssim_window=window)
        for domain, mask in masks.items()
    }


def test_each_of_several_masks_is_checked():
    masks = {QualityDomain.IMAGE: None, QualityDomain.TUMOUR: EDGE}
    with pytest.raises(MetricError) as raised:
        compare_domains(CANDIDATE, REFERENCE, data_range=255, masks=masks)
    assert raised.value.field == "mask"


def test_metrics_by_name():
    got = compare_images(*images(), data_range=255)
    assert [metric.of(got) for metric in QualityMetric] == [got.mse, got.mae, got.psnr_db, got.ssim]


def test_small_integers_do_not_wrap_around():
    one, other = np.full((11, 11), 250, np.uint8), np.full((11, 11), 5, np.uint8)
    assert compare_images(one, other, data_range=255).mae == compare_images(other, one, data_range=255).mae == 245.0


def test_a_larger_range_flatters_psnr():
    """Why the range is stated: the same images at the paper's 43 dB or below, by the range alone."""
    candidate, reference = images()
    narrow, wide = (compare_images(candidate, reference, data_range=span).psnr_db for span in (255, 624))
    assert wide - narrow == pytest.approx(20 * math.log10(624 / 255))


CANDIDATE, REFERENCE = images()
NAN = REFERENCE.copy()
NAN[0, 0] = np.nan
EDGE = np.zeros(REFERENCE.shape, bool)
EDGE[:2] = True


@pytest.mark.parametrize(
    ("candidate", "reference", "changes", "field"),
    [
        (CANDIDATE[1:], REFERENCE, {}, "candidate"),
        (CANDIDATE[:9], REFERENCE[:9], {}, "reference"),
        (CANDIDATE[0], REFERENCE[0], {}, "reference"),
        (NAN, REFERENCE, {}, "candidate"),
        (CANDIDATE, NAN, {}, "reference"),
        (CANDIDATE.astype(complex), REFERENCE, {}, "candidate"),
        (CANDIDATE, REFERENCE, {"data_range": 0}, "data_range"),
        (CANDIDATE, REFERENCE, {"data_range": math.inf}, "data_range"),
        (CANDIDATE, REFERENCE, {"domain": QualityDomain.BRAIN}, "mask"),
        (CANDIDATE, REFERENCE, {"mask": EDGE}, "mask"),
        (CANDIDATE, REFERENCE, {"mask": EDGE, "domain": QualityDomain.BRAIN}, "mask"),
        (CANDIDATE, REFERENCE, {"mask": EDGE[1:], "domain": QualityDomain.BRAIN}, "mask"),
        (CANDIDATE, REFERENCE, {"mask": EDGE.astype(int), "domain": QualityDomain.BRAIN}, "mask"),
    ],
)
def test_faults_are_typed(candidate, reference, changes, field):
    with pytest.raises(MetricError) as raised:
        compare_images(candidate, reference, **{"data_range": 255, **changes})
    assert raised.value.field == field
