"""What an exam must be before any network runs."""

from __future__ import annotations

import numpy as np

from imaging.errors import ExamError, GeometryError
from imaging.exam import Exam
from imaging.geometry import Grid
from imaging.modality import Modality

SPACING_TOLERANCE_MM = 0.05
MAX_BRAIN_FRACTION = 0.6
"""A skull-stripped head fills about a sixth of a BraTS frame; a frame of which more is not zero has a background."""


def check_exam(exam: Exam, *, needed: tuple[Modality, ...]) -> None:
    """Refuse an exam that the networks were not made for.

    Raises:
        ExamError: A needed modality is missing, or the exam is not skull-stripped.
        GeometryError: Voxels are not 1 x 1 x 1 mm.
    """
    exam.require(*needed)
    if not has_standard_spacing(exam.grid):
        got = " x ".join(f"{spacing:.2f}" for spacing in exam.grid.spacing_mm)
        raise GeometryError("exam", "must be resampled to voxels of 1 x 1 x 1 mm", f"{got} mm")
    for modality, volume in exam.volumes.items():
        fraction = np.count_nonzero(volume.voxels) / volume.voxels.size
        if fraction > MAX_BRAIN_FRACTION:
            raise ExamError(
                modality.value,
                f"must be skull-stripped: zero outside the brain, at most {MAX_BRAIN_FRACTION:.0%} of voxels not zero",
                f"{fraction:.0%}",
            )


def has_standard_spacing(grid: Grid) -> bool:
    """Whether voxels are 1 x 1 x 1 mm."""
    return max(abs(spacing - 1.0) for spacing in grid.spacing_mm) <= SPACING_TOLERANCE_MM
