"""The three ways to cut a brain, and which side of a picture is which side of the patient."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Scalar = TypeVar("Scalar", bound=np.generic)


class Plane(StrEnum):
    """A plane through a volume in RAS+ order. Cuts are radiological: seen from the feet, or from the front."""

    AXIAL = "axial"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"

    @property
    def axis(self) -> int:
        """The axis of the volume that the plane is perpendicular to."""
        return {Plane.AXIAL: 2, Plane.CORONAL: 1, Plane.SAGITTAL: 0}[self]

    @property
    def row_axis(self) -> int:
        """The axis of the volume that runs up in a picture."""
        return 1 if self is Plane.AXIAL else 2

    @property
    def column_axis(self) -> int:
        """The axis of the volume that runs left in a picture."""
        return 1 if self is Plane.SAGITTAL else 0

    @property
    def letters(self) -> tuple[str, str, str, str]:
        """The patient's side at a picture's top, bottom, left and right."""
        return {
            Plane.AXIAL: ("A", "P", "R", "L"),
            Plane.CORONAL: ("S", "I", "R", "L"),
            Plane.SAGITTAL: ("S", "I", "A", "P"),
        }[self]

    def cut(self, volume: npt.NDArray[Scalar], index: int) -> npt.NDArray[Scalar]:
        """One slice as a picture.

        Args:
            volume: `[i, j, k]`, I to the patient's right, J to the front, K to the head.
            index: Voxel index along `axis`.

        Returns:
            `[row, column]`, top row first; the patient's right, or front, on the left.
        """
        picture: npt.NDArray[Scalar] = np.moveaxis(volume, self.axis, 0)[index]
        return picture.T[::-1, ::-1]
