"""What can be found to speak against an exam."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

EXAM = "exam"
"""The field of findings that are about all of an exam."""


class FindingRule(StrEnum):
    """What should hold of an exam."""

    READABLE = "readable"
    """A NIfTI file that can be read."""
    MODALITY_MISSING = "modality_missing"
    """All contrasts that the networks need are there."""
    THREE_AXES = "three_axes"
    """A volume, neither a slice nor a series of volumes."""
    SLICE_THICKNESS = "slice_thickness"
    """Slices thin enough for what is looked for."""
    ANISOTROPY = "anisotropy"
    """Voxels not much longer than wide."""
    COVERAGE = "coverage"
    """The contrast shows all of the brain."""
    OBLIQUE = "oblique"
    """Axes along the body's."""
    GRIDS = "grids"
    """All contrasts on one grid."""
    SKULL = "skull"
    """Skull-stripped, all or none."""
    CONSTANT = "constant"
    """Intensities vary."""
    CLIPPED = "clipped"
    """Intensities are not cut off."""
    FINITE = "finite"
    """Intensities are numbers."""
    CONTRAST_ORDER = "contrast_order"
    """Each file holds the contrast that it is named."""
    DUPLICATE = "duplicate"
    """No file is sent under two names."""
    LEFT_RIGHT = "left_right"
    """Left and right are beyond doubt."""


class Severity(StrEnum):
    """What follows from a finding."""

    WARN = "warn"
    """The exam is worked on; a reader must know."""
    REFUSE = "refuse"
    """The exam is not worked on."""


@dataclass(frozen=True)
class Finding:
    """Something about an exam that its reader must know.

    Args:
        rule: Which rule is not kept.
        severity: What follows.
        field: What it is about, e.g. `t1ce`; `EXAM` for all of it.
        must: What should hold, e.g. `must have slices of at most 3 mm`.
        got: What was found instead. Sizes, shares and names of contrasts; never voxels or names of files.
    """

    rule: FindingRule
    severity: Severity
    field: str
    must: str
    got: str

    @property
    def refuses(self) -> bool:
        """Whether the exam is not worked on for this."""
        return self.severity is Severity.REFUSE

    def __str__(self) -> str:
        return f"{self.field}: {self.must}, got {self.got}"
