"""How well two heads lie on each other: their mutual information, by a measure that the search does not use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from imaging.regions import BoolVolume
from imaging.registration.head import Head, floats, to_world
from imaging.registration.motion import RigidMotion
from imaging.volume import Volume

_BINS = 32
_SEED = 20_240_229
_MIN_SAMPLES = 1_000
"""With fewer, the histogram's own noise reads as information."""


@dataclass(frozen=True)
class Likeness:
    """Two heads compared at one motion.

    Args:
        information: Mutual information of what both show, nats; 0 where next to nothing is shown by both.
        overlap: Share of the compared region of the fixed head that lies in the moving volume's field of view.
    """

    information: float
    overlap: float


@dataclass(frozen=True, eq=False)
class Comparison:
    """Compares a moving head with a fixed one, at the same places each time.

    The places are drawn off the voxels of both: on them nothing is interpolated, and a motion that lays one grid onto
    the other would look better than its neighbours.

    Args:
        points_mm: `float64 [n, 3]`, in the fixed world.
        bins: What the fixed head shows there, `intp [n]`.
        moving: The moving head, `float32 [i, j, k]` from 0 to 1.
    """

    points_mm: npt.NDArray[np.float64]
    bins: npt.NDArray[np.intp]
    moving: Volume

    @classmethod
    def of(cls, moving: Volume, fixed: Volume, head: Head, region: BoolVolume, *, samples: int) -> Self:
        """Draw the places.

        Args:
            moving: The moving head at a level.
            fixed: The fixed head at that level.
            head: The fixed head.
            region: Where to compare, `bool [i, j, k]` on the grid of its foreground.
            samples: How many places.
        """
        rng = np.random.default_rng(_SEED)
        voxels = np.argwhere(region)
        places = voxels[rng.integers(len(voxels), size=samples)] + rng.uniform(-0.5, 0.5, size=(samples, 3))
        points = to_world(head.grid, places)
        values, inside = _look(fixed, points)
        return cls(points[inside], _binned(values[inside]), moving)

    def at(self, motion: RigidMotion) -> Likeness:
        """Compare at a motion."""
        values, inside = _look(self.moving, motion.apply(self.points_mm))
        overlap = float(np.count_nonzero(inside) / max(len(inside), 1))
        if np.count_nonzero(inside) < _MIN_SAMPLES:
            return Likeness(0.0, overlap)
        pairs = self.bins[inside] * _BINS + _binned(values[inside])
        joint = np.bincount(pairs, minlength=_BINS * _BINS).reshape(_BINS, _BINS) / len(pairs)
        independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
        there = joint > 0
        return Likeness(float(np.sum(joint[there] * np.log(joint[there] / independent[there]))), overlap)


def _look(volume: Volume, points_mm: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Intensities at points of the world, and which of them lie in the field of view."""
    to_voxels = np.linalg.inv(volume.grid.affine)
    positions = to_voxels[:3, :3] @ points_mm.T + to_voxels[:3, 3:]
    ends = np.array(volume.grid.shape)[:, None] - 0.5
    inside = np.asarray(((positions >= -0.5) & (positions <= ends)).all(axis=0))
    values = ndimage.map_coordinates(floats(volume), positions, order=1, mode="nearest", output=np.float32)
    return values, inside


def _binned(values: npt.NDArray[np.float32]) -> npt.NDArray[np.intp]:
    return np.clip((values * _BINS).astype(np.intp), 0, _BINS - 1)
