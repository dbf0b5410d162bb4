"""Rules about the grid of one contrast: its axes, its voxels, its field of view."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from imaging.casecheck.finding import Finding, FindingRule, Severity
from imaging.casecheck.look import Look
from imaging.pipeline.check import SPACING_TOLERANCE_MM

MIN_SLICES = 4
"""Along every axis. Fewer are a slice or a locator; interpolation by cubic splines needs as many."""

MAX_SLICE_MM = 3.0
"""The networks learnt from slices of 1 mm, interpolated from acquisitions of mostly 1 to 3 mm and some of 5 to 6. What
is smaller than a slice is thick is averaged away: a ball of enhancing tumour of 3 mm, 0.014 ml, is one voxel of it."""

MAX_ANISOTROPY = 3.0
"""Longest over shortest edge of a voxel. Beyond, most of what the networks see along the long edge is interpolated."""

MIN_FIELD_OF_VIEW_MM = 100.0
"""Along every axis. An adult's brain is some 140 mm wide, 170 mm long and 130 mm high, the smallest of the 30 patients
that thresholds were measured on 124 x 144 x 126 mm."""

MAX_FIELD_OF_VIEW_MM = 1000.0
"""No scanner shows a metre: lengths are in another unit than mm, and a grid of 1 mm would need a billion voxels."""

OBLIQUE_DEG = 1.0
"""Axes tilted further are interpolated along the body's, as the networks saw heads in training."""

SHEAR_DEG = 1.0
"""Scanners make right angles; other ones are those of a transformation written into the header."""


def check_axes(look: Look) -> Iterator[Finding]:
    """THREE_AXES."""
    shape = look.volume.grid.shape
    if min(shape) < MIN_SLICES:
        yield Finding(
            FindingRule.THREE_AXES,
            Severity.REFUSE,
            look.field,
            f"must be a volume of at least {MIN_SLICES} voxels along each axis",
            f"{shape[0]} x {shape[1]} x {shape[2]}",
        )


def check_slices(look: Look) -> Iterator[Finding]:
    """SLICE_THICKNESS and ANISOTROPY."""
    spacing = look.volume.grid.spacing_mm
    got = " x ".join(f"{length:.3g}" for length in spacing) + " mm"
    if max(spacing) > MAX_SLICE_MM + SPACING_TOLERANCE_MM:
        yield Finding(
            FindingRule.SLICE_THICKNESS,
            Severity.WARN,
            look.field,
            f"should have voxels of at most {MAX_SLICE_MM:g} mm, or small tumour is missed",
            got,
        )
    if max(spacing) > MAX_ANISOTROPY * min(spacing):
        yield Finding(
            FindingRule.ANISOTROPY,
            Severity.WARN,
            look.field,
            f"should have voxels at most {MAX_ANISOTROPY:g} times as long as wide",
            f"{got}, {max(spacing) / min(spacing):.1f} times",
        )


def check_field_of_view(look: Look) -> Iterator[Finding]:
    """COVERAGE, as far as the grid tells."""
    grid = look.volume.grid
    extents = [voxels * spacing for voxels, spacing in zip(grid.shape, grid.spacing_mm, strict=True)]
    got = " x ".join(f"{extent:.0f}" for extent in extents) + " mm"
    if max(extents) > MAX_FIELD_OF_VIEW_MM:
        yield Finding(
            FindingRule.COVERAGE,
            Severity.REFUSE,
            look.field,
            f"field of view must be at most {MAX_FIELD_OF_VIEW_MM:g} mm",
            got,
        )
    elif min(extents) < MIN_FIELD_OF_VIEW_MM:
        yield Finding(
            FindingRule.COVERAGE,
            Severity.WARN,
            look.field,
            f"field of view should be at least {MIN_FIELD_OF_VIEW_MM:g} mm along each axis to show all of a brain",
            got,
        )


def check_orientation(look: Look) -> Iterator[Finding]:
    """OBLIQUE: tilted axes, and axes that are not at right angles."""
    grid = look.volume.grid
    if grid.obliqueness_deg > OBLIQUE_DEG:
        yield Finding(
            FindingRule.OBLIQUE,
            Severity.WARN,
            look.field,
            f"should have axes within {OBLIQUE_DEG:g} degree of the body's, or it is interpolated",
            f"{grid.obliqueness_deg:.1f} degrees",
        )
    axes = grid.affine[:3, :3] / np.array(grid.spacing_mm)
    cosines = np.abs(axes.T @ axes)[np.triu_indices(3, 1)]
    shear = 90.0 - float(np.degrees(np.arccos(np.clip(cosines.max(), 0.0, 1.0))))
    if shear > SHEAR_DEG:
        yield Finding(
            FindingRule.OBLIQUE,
            Severity.WARN,
            look.field,
            f"should have axes at right angles, to {SHEAR_DEG:g} degree",
            f"{90.0 - shear:.1f} degrees",
        )


def check_sides(look: Look) -> Iterator[Finding]:
    """LEFT_RIGHT. One form alone, sform or qform, leaves no doubt: much good software writes no more."""
    facts = look.facts
    if facts is None:
        return
    if facts.sides_disagree:
        yield Finding(
            FindingRule.LEFT_RIGHT,
            Severity.REFUSE,
            look.field,
            "sform and qform must agree on what is left",
            "left by the one is right by the other",
        )
    elif facts.by_convention:
        yield Finding(
            FindingRule.LEFT_RIGHT,
            Severity.WARN,
            look.field,
            "should say by a sform or a qform what is left",
            "neither: left and right are by convention only",
        )
