"""Masks to test with: small ones of every kind, and ones that look like tumours."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from scipy import ndimage

BoolVolume = npt.NDArray[np.bool_]

spacings_mm = st.tuples(*[st.sampled_from([0.5, 0.9375, 1.0, 1.2, 3.0, 5.5])] * 3)
shapes = st.tuples(*[st.integers(1, 9)] * 3)


def box(shape: tuple[int, int, int], start: tuple[int, int, int], size: tuple[int, int, int]) -> BoolVolume:
    mask = np.zeros(shape, dtype=np.bool_)
    mask[tuple(slice(at, at + extent) for at, extent in zip(start, size, strict=True))] = True
    return mask


def scattered(shape: tuple[int, int, int], rng: np.random.Generator, density: float) -> BoolVolume:
    """Voxels at random, touching the edges more often than not; never empty."""
    mask = rng.random(shape) < density
    mask[tuple(int(rng.integers(extent)) for extent in shape)] = True
    return mask


def blob(shape: tuple[int, int, int], rng: np.random.Generator) -> BoolVolume:
    """A smooth lump, possibly cut by the array's edge; never empty."""
    field = ndimage.gaussian_filter(rng.standard_normal(shape), 1.5)
    return field >= np.quantile(field, rng.uniform(0.3, 0.95))


@st.composite
def masks(draw: st.DrawFn, shape: tuple[int, int, int]) -> BoolVolume:
    """A mask that is not empty: single voxels, scattered ones, lumps, full arrays."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    density = draw(st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0, None]))
    return blob(shape, rng) if density is None else scattered(shape, rng, density)


@st.composite
def mask_pairs(draw: st.DrawFn) -> tuple[BoolVolume, BoolVolume]:
    """Two masks of one shape, neither empty."""
    shape = draw(shapes)
    return draw(masks(shape)), draw(masks(shape))


def tumour(seed: int, shape: tuple[int, int, int] = (60, 60, 40)) -> BoolVolume:
    """A lump with a ragged outline, away from the edges."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, extent) for extent in shape], indexing="ij"))
    centre = rng.uniform(-0.15, 0.15, size=(3, 1, 1, 1))
    radius = np.sqrt((((grid - centre) / rng.uniform(0.35, 0.5, size=(3, 1, 1, 1))) ** 2).sum(axis=0))
    ragged = ndimage.gaussian_filter(rng.standard_normal(shape), 2.5)
    return np.asarray(radius + 4 * ragged < 1)
