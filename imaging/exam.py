"""An exam: named modalities on one grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from imaging.errors import ExamError, GeometryError
from imaging.geometry import Grid
from imaging.modality import Modality
from imaging.raw_exam import in_order
from imaging.volume import Volume


@dataclass(frozen=True, eq=False)
class Exam:
    """One to four modalities of a patient at one time, all on one grid. Valid once constructed.

    Raises:
        ExamError: There is no modality, or an unknown one, or two of them hold the very same voxels
            (one file under two names).
        GeometryError: The modalities lie on different grids.
    """

    volumes: Mapping[Modality, Volume]

    def __post_init__(self) -> None:
        ordered = in_order(self.volumes)
        object.__setattr__(self, "volumes", ordered)
        first = next(iter(ordered))
        for modality, volume in ordered.items():
            if not volume.grid.matches(self.grid):
                raise GeometryError(
                    modality.value,
                    f"must lie on the grid of {first.value}, {_described(self.grid)}",
                    _described(volume.grid) + _apart(self.grid, volume.grid),
                )
        for one, other in combinations(ordered, 2):
            if ordered[one].shows_same(ordered[other]):
                raise ExamError(other.value, f"must differ from {one.value}", "the same voxels under both names")

    @property
    def grid(self) -> Grid:
        """The grid that all modalities share."""
        return next(iter(self.volumes.values())).grid

    def require(self, *modalities: Modality) -> None:
        """Check that these modalities are there.

        Raises:
            ExamError: One or more are missing; the message names them all.
        """
        missing = [modality.value for modality in modalities if modality not in self.volumes]
        if missing:
            present = ", ".join(modality.value for modality in self.volumes)
            raise ExamError(missing[0], f"must be sent; missing: {', '.join(missing)}", f"only {present}")


def _described(grid: Grid) -> str:
    spacing = " x ".join(f"{length:.4g}" for length in grid.spacing_mm)
    return f"shape {grid.shape}, axes {grid.axis_codes}, spacing {spacing} mm"


def _apart(one: Grid, other: Grid) -> str:
    """How far apart two grids of one shape are, as the shape alone does not tell."""
    return f", up to {one.distance_mm(other):.4g} mm away" if one.shape == other.shape else ""
