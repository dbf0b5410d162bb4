from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.phantom import fields
from imaging.phantom.fields import smooth_field, upsample

EXTENT = st.integers(1, 40)


@given(st.tuples(EXTENT, EXTENT, EXTENT), st.floats(1.0, 60.0), st.integers(0, 2**32))
@settings(deadline=None, max_examples=40)
def test_any_shape_and_scale_gives_a_finite_field_of_that_shape(
    shape: tuple[int, int, int], scale_voxels: float, seed: int
) -> None:
    field = smooth_field(np.random.default_rng(seed), shape, scale_voxels=scale_voxels)
    assert field.shape == shape
    assert field.dtype == np.float32
    assert np.isfinite(field).all()


@pytest.mark.parametrize("scale_voxels", [1.6, 4.0, 9.0])
def test_fields_have_mean_0_and_deviation_1(scale_voxels: float) -> None:
    field = smooth_field(np.random.default_rng(0), (120, 100, 110), scale_voxels=scale_voxels)
    assert abs(field.mean()) < 0.12
    assert field.std() == pytest.approx(1.0, abs=0.08)


def test_a_larger_scale_is_smoother() -> None:
    steps = [
        np.abs(np.diff(smooth_field(np.random.default_rng(1), (60, 60, 60), scale_voxels=scale), axis=1)).mean()
        for scale in (2.0, 4.0, 8.0)
    ]
    assert steps[0] > 1.7 * steps[1] > 1.7 * 1.7 * steps[2]


@given(st.tuples(EXTENT, EXTENT, EXTENT), st.integers(2, 4), st.integers(0, 2**32))
@settings(deadline=None, max_examples=40)
def test_upsampling_keeps_the_samples_and_their_bounds(shape: tuple[int, int, int], factor: int, seed: int) -> None:
    full = np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
    coarse = full[::factor, ::factor, ::factor]
    upsampled = upsample(coarse, shape, factor=factor)
    np.testing.assert_allclose(upsampled[::factor, ::factor, ::factor], coarse, atol=1e-5)
    assert upsampled.min() >= coarse.min() - 1e-5
    assert upsampled.max() <= coarse.max() + 1e-5


def test_upsampling_is_linear_between_samples() -> None:
    ramp = np.arange(0, 9, 2, dtype=np.float32)[:, None, None] * np.ones((1, 2, 2), dtype=np.float32)
    np.testing.assert_allclose(upsample(ramp, (9, 3, 3), factor=2)[:, 0, 0], np.arange(9), atol=1e-5)


def test_calls_of_other_threads_do_not_lift_the_limit_on_blas(monkeypatch):
    inside, most = 0, 0

    class Limits:
        def __init__(self, **_):
            pass

        def __enter__(self):
            nonlocal inside, most
            inside += 1
            most = max(most, inside)
            time.sleep(0.002)  # long enough for another thread to come in, if it could

        def __exit__(self, *_):
            nonlocal inside
            inside -= 1

    monkeypatch.setattr(fields, "threadpool_limits", Limits)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda seed: smooth_field(np.random.default_rng(seed), (6, 6, 6), scale_voxels=3.0), range(8)))
    assert most == 1
