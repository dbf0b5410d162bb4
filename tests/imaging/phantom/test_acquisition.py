from __future__ import annotations

import numpy as np
import pytest

from imaging.modality import Modality
from imaging.phantom.acquisition import Protocol, acquire, draw_protocol
from imaging.phantom.frame import BOX_SHAPE

BLOCK = (slice(60, 100), slice(60, 100), slice(60, 100))


@pytest.fixture
def brain() -> np.ndarray:
    mask = np.zeros(BOX_SHAPE, dtype=bool)
    mask[BLOCK] = True
    return mask


def protocol(*, slice_mm: float = 1.0, noise: float = 0.0, shading: float = 0.0, gain: float = 1.0) -> Protocol:
    return Protocol(in_plane_mm=1.0, slice_mm=slice_mm, noise=noise, shading=shading, gain=gain)


def test_a_perfect_scan_of_a_flat_image_is_that_image(brain: np.ndarray) -> None:
    scanned = acquire(np.random.default_rng(0), protocol(gain=1.1), np.full(BOX_SHAPE, 100, np.float32), brain)
    assert (scanned[brain] == 110).all()
    assert not scanned[~brain].any()


def test_noise_lifts_darkness_as_rician_noise_does(brain: np.ndarray) -> None:
    ideal = np.zeros(BOX_SHAPE, dtype=np.float32)
    ideal[60:80] = 2000
    scanned = acquire(np.random.default_rng(0), protocol(noise=0.1), ideal, brain)
    dark, sigma = scanned[83:97, 62:98, 62:98], 0.1 * ideal[BLOCK].mean()
    # Without signal the magnitude is Rayleigh distributed.
    assert dark.mean() == pytest.approx(sigma * np.sqrt(np.pi / 2), rel=0.02)
    assert dark.std() == pytest.approx(sigma * np.sqrt(2 - np.pi / 2), rel=0.03)


def test_the_brain_is_never_background(brain: np.ndarray) -> None:
    scanned = acquire(np.random.default_rng(0), protocol(), np.zeros(BOX_SHAPE, dtype=np.float32), brain)
    assert (scanned[brain] == 1).all()


def test_thick_slices_blur_across_slices_only(brain: np.ndarray) -> None:
    ideal = np.zeros(BOX_SHAPE, dtype=np.float32)
    ideal[80, 80, 80] = 10_000
    scanned = acquire(np.random.default_rng(0), protocol(slice_mm=5.0), ideal, brain)
    assert scanned[80, 80, 83] > 10 * scanned[80, 83, 80]


def test_protocols_differ_and_flair_is_thicker_than_t1ce() -> None:
    rng = np.random.default_rng(0)
    flair = [draw_protocol(rng, Modality.FLAIR).slice_mm for _ in range(50)]
    t1ce = [draw_protocol(rng, Modality.T1CE).slice_mm for _ in range(50)]
    assert np.mean(flair) > np.mean(t1ce) + 0.8
    assert len(set(flair)) == 50
