"""The surfaces of two masks as lattice points, and the distance from each point to the other surface."""

from __future__ import annotations

from functools import lru_cache
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from imaging.regions import BoolVolume

Distances = npt.NDArray[np.float64]
"""Distances in mm, `float64 [point]`, in C order of the points."""

Step = tuple[int, int, int]

MARGIN = 2
"""How many empty voxels are kept around the masks: as far as a point looks around on the lattice."""


def crop_to_union(first: BoolVolume, second: BoolVolume) -> tuple[BoolVolume, BoolVolume]:
    """Both masks cut to the box of their union, with `MARGIN` empty voxels around it.

    The margin stands for what lies beyond the array, so that a mask has a surface at the array's edge too.

    Args:
        first: `bool [i, j, k]`, not empty.
        second: `bool [i, j, k]`, not empty, of the same shape.

    Returns:
        Two new arrays of one shape, in C order.
    """
    box = tuple(
        slice(min(one.start, other.start), max(one.stop, other.stop))
        for one, other in zip(_bounds(first), _bounds(second), strict=True)
    )
    return np.pad(first[box], MARGIN), np.pad(second[box], MARGIN)


def border_voxels(mask: BoolVolume) -> BoolVolume:
    """The voxels of a mask that share a face with a voxel outside of it (6-connectivity).

    Args:
        mask: `bool [i, j, k]`, empty along its six faces, as `crop_to_union` leaves it.

    Returns:
        `bool [i, j, k]`.
    """
    inside = mask[1:-1, 1:-1, 1:-1].copy()
    for axis in range(mask.ndim):
        for step in (-1, 1):
            window = [slice(1, -1)] * mask.ndim
            window[axis] = slice(1 + step, mask.shape[axis] - 1 + step)
            inside &= mask[tuple(window)]
    border = mask.copy()
    border[1:-1, 1:-1, 1:-1] ^= inside
    return border


def distances_between(
    first: BoolVolume, second: BoolVolume, *, spacing_mm: tuple[float, float, float]
) -> tuple[Distances, Distances]:
    """The distance from each point of a surface to the nearest point of another, both ways.

    Args:
        first: Where the lattice holds a point of the first surface, `bool [i, j, k]`, C order, at least one,
            none within `MARGIN` points of an edge.
        second: The same for the second surface, of the same shape.
        spacing_mm: Distance between lattice points along I, J, K.

    Returns:
        Distances from the points of the first surface to the second, and the other way.
    """
    return (
        _distances_to(second, first, spacing_mm=spacing_mm),
        _distances_to(first, second, spacing_mm=spacing_mm),
    )


def _distances_to(surface: BoolVolume, origins: BoolVolume, *, spacing_mm: tuple[float, float, float]) -> Distances:
    """Distances from each of the origins to the surface.

    Surfaces that are worth comparing mostly run within a voxel or two of each other. So each point first looks
    at the lattice around it, nearest steps first, which costs a look-up each; a k-d tree answers for the rest.
    """
    points = np.flatnonzero(origins)
    on_surface = surface.ravel()
    distances_mm = np.zeros(len(points))
    # Where the surfaces share a point, the distance is 0.
    apart = np.flatnonzero(~on_surface[points])
    for step, length_mm in _steps_within_reach(spacing_mm):
        hit = on_surface[points[apart] + np.dot(step, surface.strides)]
        distances_mm[apart[hit]] = length_mm
        apart = apart[~hit]
    if apart.size:
        asked = _coordinates(points[apart], surface.shape)
        targets = _coordinates(np.flatnonzero(on_surface), surface.shape)
        _, nearest = cKDTree(targets * np.array(spacing_mm)).query(asked * np.array(spacing_mm))
        distances_mm[apart] = _lengths_mm(asked - targets[nearest], spacing_mm)
    return distances_mm


@lru_cache(maxsize=16)
def _steps_within_reach(spacing_mm: tuple[float, float, float]) -> tuple[tuple[Step, float], ...]:
    """All steps on the lattice of at most `MARGIN` times the smallest spacing, with their lengths, shortest first.

    None is left out, so that the first that meets a surface is the way to its nearest point.
    """
    steps = np.array([step for step in product(range(-MARGIN, MARGIN + 1), repeat=3) if any(step)])
    lengths_mm = _lengths_mm(steps, spacing_mm)
    near = np.flatnonzero(lengths_mm <= MARGIN * min(spacing_mm))
    order = near[np.argsort(lengths_mm[near], kind="stable")]
    return tuple(((int(i), int(j), int(k)), float(lengths_mm[place])) for place in order for i, j, k in [steps[place]])


def _lengths_mm(steps: npt.NDArray[np.intp], spacing_mm: tuple[float, float, float]) -> Distances:
    """Lengths of steps `[step, axis]`. From whole steps, so that they are the same wherever masks lie in an array."""
    lengths_mm: Distances = np.sqrt(((steps * np.array(spacing_mm)) ** 2).sum(axis=1))
    return lengths_mm


def _coordinates(points: npt.NDArray[np.intp], shape: tuple[int, ...]) -> npt.NDArray[np.intp]:
    """Lattice coordinates `[point, axis]` of flat indices."""
    return np.stack(np.unravel_index(points, shape), axis=1)


def _bounds(mask: BoolVolume) -> list[slice]:
    """The box of a mask that is not empty."""
    bounds = [slice(None)] * mask.ndim
    # Along the longest strides first: memory is read in its order, and each axis leaves less for the next.
    for axis in sorted(range(mask.ndim), key=lambda candidate: -mask.strides[candidate]):
        others = tuple(other for other in range(mask.ndim) if other != axis)
        hits = np.flatnonzero(mask[tuple(bounds)].any(axis=others))
        bounds[axis] = slice(int(hits[0]), int(hits[-1]) + 1)
    return bounds
