"""A rigid motion between two worlds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from imaging.errors import GeometryError

_TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class RigidMotion:
    """Takes positions in the world of a fixed volume to positions in the world of a moving one. Valid once constructed.

    Args:
        matrix: `float64 [4, 4]`, mm, RAS+; a rotation and a shift, no scale and no mirroring.

    Raises:
        GeometryError: The matrix is no rigid motion.
    """

    matrix: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        matrix = np.array(self.matrix, dtype=np.float64)
        if matrix.shape != (4, 4):
            raise GeometryError("motion", "must be 4 x 4", f"shape {matrix.shape}")
        if not np.isfinite(matrix).all():
            raise GeometryError("motion", "must be finite", "NaN or infinity in it")
        if not np.array_equal(matrix[3], (0, 0, 0, 1)):
            raise GeometryError("motion", "last row must be 0 0 0 1", f"{matrix[3].tolist()}")
        rotation = matrix[:3, :3]
        off = float(np.abs(rotation.T @ rotation - np.eye(3)).max())
        if off > _TOLERANCE:
            raise GeometryError("motion", f"axes must be orthonormal to {_TOLERANCE:g}", f"off by {off:.3g}")
        if np.linalg.det(rotation) < 0.0:
            raise GeometryError("motion", "must not mirror", "a determinant of -1")
        matrix.setflags(write=False)
        object.__setattr__(self, "matrix", matrix)

    @classmethod
    def identity(cls) -> Self:
        """No motion."""
        return cls(np.eye(4))

    @classmethod
    def about(cls, centre_mm: npt.ArrayLike, *, rotation_deg: npt.ArrayLike, shift_mm: npt.ArrayLike) -> Self:
        """A rotation about a centre, then a shift.

        Args:
            centre_mm: `[3]`, in the fixed world.
            rotation_deg: Rotation vector `[3]`: its direction is the axis, its length the angle.
            shift_mm: `[3]`: how far the centre goes.
        """
        centre = np.asarray(centre_mm, dtype=np.float64)
        matrix = np.eye(4)
        matrix[:3, :3] = Rotation.from_rotvec(np.asarray(rotation_deg, dtype=np.float64), degrees=True).as_matrix()
        matrix[:3, 3] = centre + np.asarray(shift_mm, dtype=np.float64) - matrix[:3, :3] @ centre
        return cls(matrix)

    def inverse(self) -> RigidMotion:
        """The motion from the moving world to the fixed one."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.matrix[:3, :3].T
        matrix[:3, 3] = -self.matrix[:3, :3].T @ self.matrix[:3, 3]
        return RigidMotion(matrix)

    def after(self, first: RigidMotion) -> RigidMotion:
        """The motion that does `first`, then this one."""
        return RigidMotion(self.matrix @ first.matrix)

    @property
    def rotation_deg(self) -> float:
        """The angle of the rotation, 0 to 180."""
        return float(np.rad2deg(Rotation.from_matrix(self.matrix[:3, :3]).magnitude()))

    def apply(self, points_mm: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Where points `float64 [n, 3]` of the fixed world lie in the moving one."""
        return np.asarray(points_mm @ self.matrix[:3, :3].T + self.matrix[:3, 3], dtype=np.float64)

    def displacement_mm(self, points_mm: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """How far each of the points `float64 [n, 3]` moves, `float64 [n]`."""
        return np.asarray(np.linalg.norm(self.apply(points_mm) - points_mm, axis=1), dtype=np.float64)

    def apart_mm(self, other: RigidMotion, points_mm: npt.NDArray[np.float64]) -> float:
        """The largest distance between where this motion and another take the points `float64 [n, 3]`."""
        return float(np.linalg.norm(self.apply(points_mm) - other.apply(points_mm), axis=1).max())
