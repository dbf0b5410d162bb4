"""Smooth random fields: cubic B-splines over coarse grids of white noise."""

from __future__ import annotations

import math
import threading

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

FloatVolume = npt.NDArray[np.float32]
Shape = tuple[int, int, int]

_LIMITED = threading.Lock()


def smooth_field(rng: np.random.Generator, shape: Shape, *, scale_voxels: float) -> FloatVolume:
    """A smooth Gaussian random field.

    A tensor product of cubic B-splines (de Boor, "A Practical Guide to Splines", ch. IX) with independent normal
    coefficients. Three small matrix products make it, whatever its scale.

    Args:
        rng: Source of the coefficients.
        shape: Shape of the field.
        scale_voxels: Distance of the spline's knots; bumps are about two to three times as wide.

    Returns:
        `float32 [i, j, k]`, mean about 0, standard deviation about 1.
    """
    bases = [_basis(extent, scale_voxels) for extent in shape]
    coefficients = rng.standard_normal([basis.shape[1] for basis in bases], dtype=np.float32)
    return _expand(coefficients, bases) / _standard_deviation(bases)


def upsample(coarse: FloatVolume, shape: Shape, *, factor: int) -> FloatVolume:
    """A volume on every `factor`-th voxel brought to all voxels, trilinearly.

    Args:
        coarse: `float32 [i', j', k']`, the samples at the voxels 0, factor, 2 factor, ...
        shape: Shape of the result; beyond the last sample its value is kept.
        factor: Distance of the samples in voxels.

    Returns:
        `float32 [i, j, k]` of `shape`.
    """
    bases = [_linear_basis(extent, samples, factor) for extent, samples in zip(shape, coarse.shape, strict=True)]
    return _expand(coarse, bases)


def _expand(coefficients: FloatVolume, bases: list[FloatVolume]) -> FloatVolume:
    field = coefficients
    # Several threads add in another order, and the last bits would depend on how many cores there are. The limit is
    # the process's: without the lock, another call that ends would lift it under this one.
    with _LIMITED, threadpool_limits(limits=1, user_api="blas"):
        for basis in bases:
            # Each product consumes the first axis and appends the full one, so that three of them restore the order.
            field = np.tensordot(field, basis, axes=(0, 1))
    return np.ascontiguousarray(field, dtype=np.float32)


def _basis(extent: int, scale_voxels: float) -> FloatVolume:
    knots = math.ceil((extent - 1) / scale_voxels) + 3
    distance = np.abs(np.arange(extent)[:, None] / scale_voxels - (np.arange(knots)[None, :] - 1))
    inner = 2.0 / 3.0 - distance**2 + distance**3 / 2.0
    outer = np.clip(2.0 - distance, 0.0, None) ** 3 / 6.0
    return np.where(distance < 1.0, inner, outer).astype(np.float32)


def _linear_basis(extent: int, samples: int, factor: int) -> FloatVolume:
    positions = np.minimum(np.arange(extent) / factor, samples - 1)
    distance = np.abs(positions[:, None] - np.arange(samples)[None, :])
    return np.clip(1.0 - distance, 0.0, None).astype(np.float32)


def _standard_deviation(bases: list[FloatVolume]) -> np.float32:
    # The variance at a voxel is the product over the axes of the sum of squared weights.
    return np.float32(math.sqrt(math.prod(float((basis**2).sum(axis=1).mean()) for basis in bases)))
