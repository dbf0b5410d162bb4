"""What the case check says of an exam. All values are frozen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from glioserve.terms import Region


class FindingRule(StrEnum):
    """What should hold of an exam."""

    READABLE = "readable"
    """A NIfTI file that can be read."""
    MODALITY_MISSING = "modality_missing"
    """All four contrasts are there."""
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
    """Something about an exam that a reader must know.

    Args:
        rule: Which rule is not kept.
        severity: What follows.
        field: What it is about, e.g. `t1ce`; `exam` for all of it.
        must: What should hold.
        got: What was found instead.
    """

    rule: FindingRule
    severity: Severity
    field: str
    must: str
    got: str


def merged(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The same findings for people: what is said of several contrasts in the same words is said once."""
    fields: dict[tuple[FindingRule, Severity, str, str], list[str]] = {}
    for each in findings:
        fields.setdefault((each.rule, each.severity, each.must, each.got), []).append(each.field)
    return tuple(
        Finding(rule, severity, ", ".join(names), must, got) for (rule, severity, must, got), names in fields.items()
    )


@dataclass(frozen=True)
class CheckResult:
    """All that the case check found.

    Args:
        findings: Those that refuse first; none where all is well.
        possible: The regions that can be segmented from the contrasts that are there, as they are.
        aligned: The contrasts need no registration.
        skull_stripped: No brain extraction is needed.
        server_version: Of the gateway.
    """

    findings: tuple[Finding, ...]
    possible: tuple[Region, ...]
    aligned: bool
    skull_stripped: bool
    server_version: str

    @property
    def refused(self) -> bool:
        """Whether the exam would not be worked on."""
        return any(finding.severity is Severity.REFUSE for finding in self.findings)
