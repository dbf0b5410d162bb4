"""Distances from the points of one surface to another, as exactly as a percentile of them needs.

Most of the points have no say in a percentile: it is enough to know on which side of it they lie. So each point
starts with bounds, which are tightened only while they straddle the percentile's own bounds. The percentile that
comes out is exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from itertools import product
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from imaging.regions import BoolVolume

Distances = npt.NDArray[np.float64]
"""Distances in mm, `float64 [point]`, in C order of the points."""

Percentile = Callable[[Distances, Literal["lower", "linear", "higher"]], float]
"""A percentile of distances that never falls when a distance grows: its value (`linear`), or the distance next to it
on either side, between which it may interpolate."""

Step = tuple[int, int, int]

REACH = 2
"""How many lattice steps along each axis a point looks around; surfaces keep that far from the lattice's edges."""

_CELLS = (5, 2, 1)
"""Edges, in lattice steps, of the cells of which one point is searched for all; at 1 each stands for itself."""

_SLACK_MM = 1e-9
"""More than rounding can take from a difference of two distances."""


class NearestSearch:
    """How far each point of a surface lies from another surface: bounds, exact where both are the same.

    Args:
        origins: Where the lattice holds a point to start from, `bool [i, j, k]`, C order, at least one, none within
            `REACH` points of an edge.
        surface: The same for the surface to reach, of the same shape.
        spacing_mm: Distance between lattice points along I, J, K.
    """

    def __init__(self, origins: BoolVolume, surface: BoolVolume, *, spacing_mm: tuple[float, float, float]) -> None:
        self._shape = surface.shape
        self._surface = surface.ravel()
        self._spacing_mm = spacing_mm
        self._points = np.flatnonzero(origins)
        self.lower_mm: Distances = np.zeros(len(self._points))
        self.upper_mm: Distances = np.zeros(len(self._points))
        self._look_around(surface.strides)

    def _look_around(self, strides: tuple[int, ...]) -> None:
        """Look at the lattice around each point, nearest steps first.

        Surfaces that are worth comparing mostly run within a voxel or two of each other, and a look-up costs a
        hundredth of a search.
        """
        # Where the surfaces share a point, the distance is 0.
        apart = np.flatnonzero(~self._surface[self._points])
        for step, length_mm in _steps_within_reach(self._spacing_mm):
            hit = self._surface[self._points[apart] + np.dot(step, strides)]
            self.lower_mm[apart[hit]] = self.upper_mm[apart[hit]] = length_mm
            apart = apart[~hit]
        self.lower_mm[apart] = np.nextafter(REACH * min(self._spacing_mm), math.inf)
        self.upper_mm[apart] = math.inf

    def undecided(self, floor_mm: float, ceiling_mm: float) -> npt.NDArray[np.bool_]:
        """Which points are not exact and may lie between the two distances, `bool [point]`."""
        not_exact = self.lower_mm < self.upper_mm
        return np.asarray(not_exact & (self.upper_mm >= floor_mm) & (self.lower_mm <= ceiling_mm))

    def tighten(self, chosen: npt.NDArray[np.bool_], *, cell: int) -> None:
        """Tighten the bounds of the chosen points, by searching from one point in each cell of the lattice.

        What is nearest to the searched point bounds the distances of its neighbours in the cell from above. From
        below, nothing is nearer to a neighbour than to the searched point by more than the way between the two.

        Args:
            chosen: Which points, `bool [point]`.
            cell: Edge of a cell in lattice steps; at 1 the bounds become exact.
        """
        places = np.flatnonzero(chosen)
        if not places.size:
            return
        points = _coordinates(self._points[places], self._shape)
        cells = np.ravel_multi_index(tuple((points // cell).T), self._shape)
        _, searched, cell_of = np.unique(cells, return_index=True, return_inverse=True)
        targets = self._nearest(points[searched])
        searched_mm = _lengths_mm(points[searched] - targets, self._spacing_mm)
        way_mm = _lengths_mm(points - points[searched[cell_of]], self._spacing_mm)
        slack_mm = np.where(way_mm > 0, way_mm + _SLACK_MM, 0.0)
        self.lower_mm[places] = np.maximum(self.lower_mm[places], searched_mm[cell_of] - slack_mm)
        found_mm = _lengths_mm(points - targets[cell_of], self._spacing_mm)
        self.upper_mm[places] = np.minimum(self.upper_mm[places], found_mm)

    def _nearest(self, points: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """The point of the surface that is nearest to each of the points, both `[point, axis]`."""
        _, nearest = self._tree.query(points * np.array(self._spacing_mm))
        return self._targets[nearest]

    @cached_property
    def _targets(self) -> npt.NDArray[np.intp]:
        return _coordinates(np.flatnonzero(self._surface), self._shape)

    @cached_property
    def _tree(self) -> cKDTree:
        return cKDTree(self._targets * np.array(self._spacing_mm))


def find_percentile_mm(searches: Sequence[NearestSearch], percentile: Percentile) -> float:
    """The percentile of the distances of one or more searches, pooled.

    Args:
        searches: Whose distances; their bounds are tightened.
        percentile: Of all distances in the searches' order.

    Returns:
        The percentile of the exact distances, in mm.
    """
    floor_mm = 0.0
    for cell in _CELLS:
        floor_mm = percentile(np.concatenate([search.lower_mm for search in searches]), "lower")
        ceiling_mm = percentile(np.concatenate([search.upper_mm for search in searches]), "higher")
        undecided = [search.undecided(floor_mm, ceiling_mm) for search in searches]
        if not any(chosen.any() for chosen in undecided):
            break
        for search, chosen in zip(searches, undecided, strict=True):
            search.tighten(chosen, cell=cell)
    # What is still not exact lies below the floor or above the ceiling, and the bound on that side leaves it there.
    settled = [np.where(search.upper_mm < floor_mm, search.upper_mm, search.lower_mm) for search in searches]
    return percentile(np.concatenate(settled), "linear")


@lru_cache(maxsize=16)
def _steps_within_reach(spacing_mm: tuple[float, float, float]) -> tuple[tuple[Step, float], ...]:
    """All steps on the lattice of at most `REACH` times the smallest spacing, with their lengths, shortest first.

    None is left out, so that the first that meets a surface is the way to its nearest point.
    """
    steps = np.array([step for step in product(range(-REACH, REACH + 1), repeat=3) if any(step)])
    lengths_mm = _lengths_mm(steps, spacing_mm)
    near = np.flatnonzero(lengths_mm <= REACH * min(spacing_mm))
    order = near[np.argsort(lengths_mm[near], kind="stable")]
    return tuple(((int(i), int(j), int(k)), float(lengths_mm[place])) for place in order for i, j, k in [steps[place]])


def _lengths_mm(steps: npt.NDArray[np.intp], spacing_mm: tuple[float, float, float]) -> Distances:
    """Lengths of steps `[step, axis]`. From whole steps, free of the rounding of positions."""
    lengths_mm: Distances = np.sqrt(((steps * np.array(spacing_mm)) ** 2).sum(axis=1))
    return lengths_mm


def _coordinates(points: npt.NDArray[np.intp], shape: tuple[int, ...]) -> npt.NDArray[np.intp]:
    """Lattice coordinates `[point, axis]` of flat indices."""
    return np.stack(np.unravel_index(points, shape), axis=1)
