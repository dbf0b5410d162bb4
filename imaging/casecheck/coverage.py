"""COVERAGE: whether each contrast shows all of the brain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from imaging.casecheck.finding import Finding, FindingRule, Severity
from imaging.casecheck.look import Look
from imaging.modality import Modality

MIN_COVERED = 0.9
"""Of the brain that the contrasts show together. At least 0.966 in the 30 patients that thresholds were measured on,
but for one whose FLAIR shows 0.66 of it."""

MIN_BRAIN_ML = 700.0
"""Of a brain with its skull stripped. An adult's has 1000 to 1900 ml; at least 1208 ml in the 30 patients."""

MAX_TOP_BRAIN_CM2 = 20.0
MAX_TOP_HEAD_CM2 = 120.0
"""Areas in the highest slice, of a brain and of a head with its skull. More is a vertex that was cut off; a slice of
5 mm that grazes the brain shows some 20 cm2 of it and 100 cm2 of the head. The lowest slice tells nothing: there the
brain goes on into the neck."""

_HEAD_SECTION_MM = 120.0
"""From the top of a head: the part that holds the brain."""
_THINNING = 10
"""One voxel of so many is looked for in the other fields of view."""


def check_brain(look: Look) -> Iterator[Finding]:
    """What one contrast tells of itself."""
    if look.stripped and look.shown_ml < MIN_BRAIN_ML:
        yield _warning(look, f"should show a brain of at least {MIN_BRAIN_ML:g} ml", f"{look.shown_ml:.0f} ml")
    top = float(look.areas_cm2(look.tissue)[-1])
    allowed = MAX_TOP_BRAIN_CM2 if look.stripped else MAX_TOP_HEAD_CM2
    if top > allowed:
        what = "brain" if look.stripped else "head"
        yield _warning(
            look,
            f"highest slice should show at most {allowed:g} cm2 of the {what}, or its top is cut off",
            f"{top:.0f}",
        )


def check_covered(looks: Mapping[Modality, Look]) -> Iterator[Finding]:
    """What they tell of each other: by their voxels on one grid without skulls, else by their fields of view."""
    first = next(iter(looks.values()))
    if all(look.stripped and look.on_grid_of(first) for look in looks.values()):
        together = int(np.logical_or.reduce([look.shown for look in looks.values()]).sum())
        shares = {look: int(look.shown.sum()) / max(1, together) for look in looks.values()}
        what = "of the brain that the contrasts show together"
    else:
        shares = {look: _in_view(look, looks) for look in looks.values()}
        what = "of the head that the other contrasts show, as far as their positions tell before registration"
    for look, share in shares.items():
        if share < MIN_COVERED:
            yield _warning(look, f"should show at least {MIN_COVERED:.0%} {what}", f"{share:.0%}")


def _in_view(look: Look, looks: Mapping[Modality, Look]) -> float:
    """The least share of another contrast's head, from its top to the skull's base, that lies in the field of view."""
    everywhere = np.ones(look.sample.shape, dtype=bool)
    shares = [1.0]
    for other in looks.values():
        if other is look:
            continue
        points = other.positions_mm(other.tissue)[::_THINNING]
        if len(points):
            # Not less: so far from the world's middle that a head's height is lost in rounding, all points are one.
            points = points[points[:, 2] >= np.percentile(points[:, 2], 99.9) - _HEAD_SECTION_MM]
            shares.append(float(look.at(points, everywhere).mean()))
    return min(shares)


def _warning(look: Look, must: str, got: str) -> Finding:
    return Finding(FindingRule.COVERAGE, Severity.WARN, look.field, must, got)
