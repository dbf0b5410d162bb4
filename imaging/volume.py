"""A volume: voxels on a grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imaging.errors import GeometryError
from imaging.geometry import Grid


@dataclass(frozen=True, eq=False)
class Volume:
    """Voxels `[i, j, k]` and the grid they lie on. Valid once constructed.

    Raises:
        GeometryError: The array's shape is not the grid's.
    """

    voxels: npt.NDArray[np.generic]
    grid: Grid

    def __post_init__(self) -> None:
        if self.voxels.shape != self.grid.shape:
            raise GeometryError(
                self.grid.field, f"voxels must have the grid's shape {self.grid.shape}", f"{self.voxels.shape}"
            )

    @classmethod
    def from_affine(cls, voxels: npt.NDArray[np.generic], affine: npt.ArrayLike, *, field: str = "volume") -> Volume:
        """A volume from an array `[i, j, k]` and a 4 x 4 affine in mm."""
        shape = voxels.shape
        if len(shape) != 3:
            raise GeometryError(field, "must have 3 axes", f"{len(shape)} axes, shape {shape}")
        return cls(voxels, Grid((shape[0], shape[1], shape[2]), np.asarray(affine, dtype=np.float64), field))

    def shows_same(self, other: Volume) -> bool:
        """Whether both hold the same voxels, whatever their grids.

        Contrasts of a head differ in its middle already, so that all of it is rarely looked at.
        """
        if self.voxels.shape != other.voxels.shape:
            return False
        middle = self.voxels.shape[2] // 2
        return np.array_equal(self.voxels[..., middle], other.voxels[..., middle]) and np.array_equal(
            self.voxels, other.voxels
        )

    def canonical(self) -> Volume:
        """The same volume with its axes in RAS+ order; a view where possible."""
        reorientation = self.grid.reorientation
        return Volume(reorientation.apply(self.voxels), reorientation.target)
