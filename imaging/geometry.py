"""Where voxels are: a grid in the world, and its exact reorientation to RAS+."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from nibabel import orientations

from imaging.errors import GeometryError

Scalar = TypeVar("Scalar", bound=np.generic)

MIN_SPACING_MM = 1e-3
MAX_SPACING_MM = 1e3
"""Far outside what any scanner makes; beyond lie broken headers and other units than mm."""

MIN_AXES_VOLUME = 1e-4
"""Smallest volume spanned by the unit vectors of the axes that counts as three directions."""


@dataclass(frozen=True, eq=False)
class Grid:
    """The shape of a volume and the affine that takes its voxel indices to the world, in mm, RAS+.

    Args:
        shape: Number of voxels along I, J, K; all at least 1.
        affine: `float64 [4, 4]`, voxel index to world position in mm; finite and invertible, its columns
            `MIN_SPACING_MM` to `MAX_SPACING_MM` long.
        field: How the grid is named in an error.

    Raises:
        GeometryError: The shape or the affine breaks one of these rules.
    """

    shape: tuple[int, int, int]
    affine: npt.NDArray[np.float64]
    field: str = "grid"

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise GeometryError(self.field, "must have 3 axes of at least 1 voxel", f"shape {self.shape}")
        affine = np.array(self.affine, dtype=np.float64)
        if affine.shape != (4, 4):
            raise GeometryError(self.field, "affine must be 4 x 4", f"shape {affine.shape}")
        if not np.isfinite(affine).all():
            raise GeometryError(self.field, "affine must be finite", "NaN or infinity in it")
        if not np.allclose(affine[3], (0, 0, 0, 1)):
            raise GeometryError(self.field, "affine's last row must be 0 0 0 1", f"{affine[3].tolist()}")
        with np.errstate(over="ignore"):
            lengths = np.linalg.norm(affine[:3, :3], axis=0)
        if lengths.min() < MIN_SPACING_MM or lengths.max() > MAX_SPACING_MM:
            raise GeometryError(
                self.field,
                f"spacing must be {MIN_SPACING_MM:g} to {MAX_SPACING_MM:g} mm, so that the affine is invertible",
                f"{', '.join(f'{length:.3g}' for length in lengths)} mm",
            )
        # The volume of the unit axes' parallelepiped: 1 for right angles, 0 where they lie in one plane.
        skewness = abs(float(np.linalg.det(affine[:3, :3] / lengths)))
        if skewness < MIN_AXES_VOLUME:
            raise GeometryError(self.field, "affine must be invertible", f"axes that span a volume of {skewness:.3g}")
        affine.setflags(write=False)
        object.__setattr__(self, "affine", affine)
        object.__setattr__(self, "shape", tuple(int(extent) for extent in self.shape))

    @cached_property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between neighbouring voxel centres along I, J, K."""
        i, j, k = (float(length) for length in np.linalg.norm(self.affine[:3, :3], axis=0))
        return i, j, k

    @property
    def voxel_volume_ml(self) -> float:
        """The volume of one voxel."""
        return abs(float(np.linalg.det(self.affine[:3, :3]))) / 1000.0

    @property
    def axis_codes(self) -> str:
        """The direction in which each axis runs, e.g. `RAS` or `LPS` (nearest, when oblique)."""
        return "".join(orientations.aff2axcodes(self.affine))

    @cached_property
    def obliqueness_deg(self) -> float:
        """The largest angle between an axis and the nearest axis of the world; 0 where all run along it."""
        cosines = np.abs(self.affine[:3, :3]).max(axis=0) / np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(np.degrees(np.arccos(np.clip(cosines.min(), 0.0, 1.0))))

    def matches(self, other: Grid, *, tolerance_mm: float = 0.01) -> bool:
        """Whether both grids have one shape and no voxel centre differs by more than the tolerance."""
        return self.shape == other.shape and self.distance_mm(other) <= tolerance_mm

    def distance_mm(self, other: Grid) -> float:
        """The largest distance between a voxel's centres on this grid and on another; a corner has it.

        Raises:
            GeometryError: The shapes are not the same.
        """
        if self.shape != other.shape:
            raise GeometryError(other.field, f"must have the shape {self.shape}", f"{other.shape}")
        extents = np.array(self.shape, dtype=np.float64) - 1
        corners = np.array(np.meshgrid(*[(0.0, extent) for extent in extents], indexing="ij")).reshape(3, -1)
        with np.errstate(over="ignore", invalid="ignore"):  # far apart beyond all numbers is infinitely far
            difference = self.affine - other.affine
            offsets = difference[:3, :3] @ corners + difference[:3, 3:]
            distance = float(np.linalg.norm(offsets, axis=0).max())
        return distance if np.isfinite(distance) else float("inf")

    @cached_property
    def reorientation(self) -> Reorientation:
        """How to bring an array on this grid to RAS+ and back."""
        return Reorientation.to_ras(self)


@dataclass(frozen=True, eq=False)
class Reorientation:
    """A permutation and flips of axes: takes arrays from `source` to `target` and back, losing nothing."""

    source: Grid
    target: Grid
    _forward: npt.NDArray[np.float64]
    _backward: npt.NDArray[np.float64]

    @classmethod
    def to_ras(cls, source: Grid) -> Reorientation:
        """The reorientation of a grid to the nearest RAS+ axes."""
        start = orientations.io_orientation(source.affine)
        end = orientations.axcodes2ornt(("R", "A", "S"))
        forward = orientations.ornt_transform(start, end)
        backward = orientations.ornt_transform(end, start)
        affine = source.affine @ orientations.inv_ornt_aff(forward, source.shape)
        # `forward` lists, for each source axis, the target axis it becomes.
        shape = [0, 0, 0]
        for axis, extent in enumerate(source.shape):
            shape[int(forward[axis, 0])] = extent
        return cls(source, Grid((shape[0], shape[1], shape[2]), affine), forward, backward)

    def apply(self, array: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
        """The array `[i, j, k]` in RAS+ order; a view where possible."""
        self._check(array, self.source)
        reoriented: npt.NDArray[Scalar] = orientations.apply_orientation(array, self._forward)
        return reoriented

    def undo(self, array: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
        """The RAS+ array in the source's order; the exact inverse of `apply`."""
        self._check(array, self.target)
        restored: npt.NDArray[Scalar] = orientations.apply_orientation(array, self._backward)
        return restored

    @staticmethod
    def _check(array: npt.NDArray[Scalar], grid: Grid) -> None:
        if array.shape != grid.shape:
            raise GeometryError("array", f"must have the grid's shape {grid.shape}", f"{array.shape}")
