"""One edit of a brain map: how its lesion is moved, resized, turned and reshaped."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from imaging.brainmap.maps import BrainMapError

MAX_SHIFT_MM = 250.0
"""Along each axis; longer than any brain."""
MIN_SCALE, MAX_SCALE = 0.4, 2.5
"""Beyond these a tumour's rim is lost between voxels, or its parts grow to blocks."""
MIN_ELASTIC_SCALE_MM, MAX_ELASTIC_SCALE_MM = 2.0, 100.0
MAX_ELASTIC_SHARE = 0.25
"""Of `elastic_scale_mm` in `elastic_mm`: a stronger field would fold, and what a rim encloses would leak out."""


class EditError(BrainMapError):
    """An edit that this map can't take, though it is a valid one. Another one may be drawn."""


@dataclass(frozen=True)
class MapEdit:
    """Everything about one edit but its seed. Valid once constructed; the defaults change nothing.

    The map is mirrored first; shift and rotation are in the world of the mirrored map. The lesion turns and grows
    about its centroid, all its parts and foci as one.

    Args:
        shift_mm: By how much the lesion's centroid moves, along R, A, S; each at most `MAX_SHIFT_MM`.
        scale: Linear factor, `MIN_SCALE` to `MAX_SCALE`; the volume changes by about its cube.
        rotation_deg: About the world's R axis, then its A axis, then its S axis; each -180 to 180.
        elastic_mm: Root mean square length of the displacements of a smooth random field that changes the lesion's
            shape, 0 to `MAX_ELASTIC_SHARE` of `elastic_scale_mm`. By how much the field moves the lesion as a whole
            is taken out of it.
        elastic_scale_mm: Distance of the field's knots, `MIN_ELASTIC_SCALE_MM` to `MAX_ELASTIC_SCALE_MM`; its bumps
            are two to three times as wide.
        mirror: Whether left and right of the whole map are exchanged.

    Raises:
        BrainMapError: A number is not finite or out of its range.
    """

    shift_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: float = 1.0
    rotation_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)
    elastic_mm: float = 0.0
    elastic_scale_mm: float = 20.0
    mirror: bool = False

    def __post_init__(self) -> None:
        for field, triple, limit in (
            ("shift_mm", self.shift_mm, MAX_SHIFT_MM),
            ("rotation_deg", self.rotation_deg, 180.0),
        ):
            if len(triple) != 3:
                raise BrainMapError(field, "must hold 3 numbers", f"{len(triple)}")
            for value in triple:
                check_within(field, value, lowest=-limit, highest=limit)
        check_within("scale", self.scale, lowest=MIN_SCALE, highest=MAX_SCALE)
        check_within(
            "elastic_scale_mm", self.elastic_scale_mm, lowest=MIN_ELASTIC_SCALE_MM, highest=MAX_ELASTIC_SCALE_MM
        )
        check_within("elastic_mm", self.elastic_mm, lowest=0.0, highest=MAX_ELASTIC_SHARE * self.elastic_scale_mm)

    @property
    def changes_lesion(self) -> bool:
        """Whether anything is done to the lesion alone."""
        return any(self.shift_mm) or any(self.rotation_deg) or self.scale != 1.0 or self.elastic_mm != 0.0

    @property
    def is_identity(self) -> bool:
        """Whether every map stays as it is."""
        return not self.mirror and not self.changes_lesion

    @property
    def linear(self) -> npt.NDArray[np.float64]:
        """Rotation and scale, `float64 [3, 3]`, for offsets from the centroid in mm, RAS+."""
        return self.scale * Rotation.from_euler("xyz", self.rotation_deg, degrees=True).as_matrix()


def check_within(field: str, value: float, *, lowest: float, highest: float) -> None:
    """Check that a number is finite and in its range, both ends included.

    Raises:
        BrainMapError: It is not.
    """
    if not math.isfinite(value) or not lowest <= value <= highest:
        raise BrainMapError(field, f"must be {lowest:g} to {highest:g}", f"{value:g}")
