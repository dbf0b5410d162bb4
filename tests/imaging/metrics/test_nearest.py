from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from imaging.metrics.nearest import REACH, NearestSearch, find_percentile_mm
from tests.imaging.metrics.masks import scattered, spacings_mm

modest = settings(deadline=None, max_examples=60)


@st.composite
def lattices(draw):
    """Two sets of points, from near to far apart, sparse and dense, inside a margin."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = tuple(draw(st.integers(1, 14)) for _ in range(3))
    first, second = (scattered(shape, rng, draw(st.sampled_from([0.0, 0.02, 0.3]))) for _ in range(2))
    gap = draw(st.sampled_from([0, 3, 20]))
    return (
        np.pad(first, ((REACH, REACH + gap), (REACH, REACH), (REACH, REACH))),
        np.pad(second, ((REACH + gap, REACH), (REACH, REACH), (REACH, REACH))),
    )


def exact_mm(origins, surface, spacing_mm):
    return ndimage.distance_transform_edt(~surface, sampling=spacing_mm)[origins]


def percentile_at(percent):
    return lambda distances, method: float(np.percentile(distances, percent, method=method))


@modest
@given(lattices=lattices(), spacing_mm=spacings_mm)
def test_bounds_hold_from_the_start_and_close(lattices, spacing_mm):
    origins, surface = lattices
    search = NearestSearch(origins, surface, spacing_mm=spacing_mm)
    expected_mm = exact_mm(origins, surface, spacing_mm)
    for cell in (7, 3, 2, 1):
        assert (search.lower_mm <= expected_mm + 1e-12).all()
        assert (search.upper_mm >= expected_mm - 1e-12).all()
        search.tighten(search.lower_mm < search.upper_mm, cell=cell)
    assert search.lower_mm == pytest.approx(expected_mm, abs=1e-12)
    assert search.upper_mm == pytest.approx(expected_mm, abs=1e-12)


@modest
@given(lattices=lattices(), spacing_mm=spacings_mm, percent=st.sampled_from([0, 5, 50, 95, 100]))
def test_any_percentile_is_exact(lattices, spacing_mm, percent):
    origins, surface = lattices
    forth = NearestSearch(origins, surface, spacing_mm=spacing_mm)
    back = NearestSearch(surface, origins, spacing_mm=spacing_mm)
    expected_mm = np.concatenate([exact_mm(origins, surface, spacing_mm), exact_mm(surface, origins, spacing_mm)])
    found_mm = find_percentile_mm([forth, back], percentile_at(percent))
    assert found_mm == pytest.approx(np.percentile(expected_mm, percent), abs=1e-12)


def test_points_without_a_say_stay_inexact():
    """What makes it fast: of a hundred far points, those well below the percentile are never pinned down."""
    origins = np.zeros((130, 8, 50), bool)
    origins[10:110, 3, 3] = True
    surface = np.zeros_like(origins)
    surface[10, 3, 40] = True
    search = NearestSearch(origins, surface, spacing_mm=(1.0, 1.0, 1.0))
    assert find_percentile_mm([search], percentile_at(95)) == pytest.approx(
        np.percentile(exact_mm(origins, surface, (1.0, 1.0, 1.0)), 95)
    )
    assert (search.lower_mm < search.upper_mm).sum() > 50
