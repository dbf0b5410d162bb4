"""The plane between a brain's hemispheres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.optimize import least_squares

from imaging.brainmap.maps import BrainMapError
from imaging.brainmap.nearest import Indices
from imaging.geometry import Grid
from imaging.regions import BoolVolume

_OUTLIER_MM = 2.0
"""Outline further off its mirror image counts less: there a side of the brain is cut off or displaced."""
_MARGIN = 4
_FINENESS = 48
_POINTS = 6000


@dataclass(frozen=True, eq=False)
class MidPlane:
    """A plane in the world whose normal points to the right, more or less.

    Args:
        normal: `float64 [3]`, RAS+, of length 1.
        offset_mm: Signed distance of the plane from the world's origin.
    """

    normal: npt.NDArray[np.float64]
    offset_mm: float

    @classmethod
    def of_brain(cls, brain: BoolVolume, grid: Grid) -> MidPlane:
        """The plane about which a brain's outline is most nearly symmetric, by a robust fit.

        Args:
            brain: `bool [i, j, k]`, not empty.
            grid: Its grid, axes in RAS+ order.

        Raises:
            BrainMapError: The mask is empty.
        """
        rows = np.argwhere(brain.any(axis=0))
        if not len(rows):
            raise BrainMapError("brain", "must hold at least one voxel", "an empty mask")
        columns = brain[:, rows[:, 0], rows[:, 1]]
        first, last = columns.argmax(axis=0), len(columns) - 1 - columns[::-1].argmax(axis=0)
        ends = np.vstack([np.column_stack([first, rows]), np.column_stack([last, rows])])
        outline = to_world(ends[:: max(len(ends) // _POINTS, 1)], grid)
        centre = to_world(ends, grid).mean(axis=0)
        depth = _Depth.of_brain(brain, grid)
        depth_mm = depth.at(outline)

        def differences_mm(tilt: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
            return depth.at(_tilted(centre, tilt).mirror(outline)) - depth_mm

        return _tilted(centre, least_squares(differences_mm, np.zeros(3), loss="soft_l1", f_scale=_OUTLIER_MM).x)

    def right_of(self, points_mm: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Signed distance in mm, `[n]`, of points `float64 [n, 3]`; positive on the right."""
        return np.asarray(points_mm @ self.normal - self.offset_mm)

    def mirror(self, points_mm: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The points on the other side, `float64 [n, 3]`."""
        return np.asarray(points_mm - 2.0 * self.right_of(points_mm)[:, None] * self.normal)


def _tilted(centre: npt.NDArray[np.float64], tilt: npt.NDArray[np.float64]) -> MidPlane:
    """The sagittal plane through a point, moved to the right by `tilt[0]` mm, its normal turned by the other two."""
    normal = np.array([1.0, tilt[1], tilt[2]])
    normal /= np.linalg.norm(normal)
    return MidPlane(normal, float(normal @ centre + tilt[0]))


@dataclass(frozen=True, eq=False)
class _Depth:
    """How deep in the brain a point lies, in mm; negative outside. On a coarse lattice, read trilinearly."""

    depth_mm: npt.NDArray[np.float64]
    start: npt.NDArray[np.intp]
    step: int
    grid: Grid

    @classmethod
    def of_brain(cls, brain: BoolVolume, grid: Grid) -> _Depth:
        box = ndimage.find_objects(brain.astype(np.uint8))[0]
        start = np.array([axis.start for axis in box])
        step = max(max(axis.stop - axis.start for axis in box) // _FINENESS, 1)
        coarse = np.pad(brain[box][::step, ::step, ::step], _MARGIN)
        sampling = [step * spacing for spacing in grid.spacing_mm]
        inside, outside = (ndimage.distance_transform_edt(mask, sampling=sampling) for mask in (coarse, ~coarse))
        # Smoothed, as the outline's steps from voxel to voxel would hold the fit where it starts.
        return cls(ndimage.gaussian_filter(inside - outside, 1.0), start - _MARGIN * step, step, grid)

    def at(self, points_mm: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """`float64 [n]` of points `[n, 3]`; past the lattice, what its edge has."""
        positions = (to_voxels(points_mm, self.grid) - self.start) / self.step
        return np.asarray(ndimage.map_coordinates(self.depth_mm, positions.T, order=1, mode="nearest"))


def to_world(voxels: Indices | npt.NDArray[np.float64], grid: Grid) -> npt.NDArray[np.float64]:
    """World positions in mm, RAS+, of voxel indices `[n, 3]`, which need not be whole."""
    return np.asarray(voxels @ grid.affine[:3, :3].T + grid.affine[:3, 3])


def to_voxels(points_mm: npt.NDArray[np.float64], grid: Grid) -> npt.NDArray[np.float64]:
    """Voxel indices `[n, 3]` of world positions in mm, RAS+; not whole."""
    return np.asarray(np.linalg.solve(grid.affine[:3, :3], (points_mm - grid.affine[:3, 3]).T).T)
