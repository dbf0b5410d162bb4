"""Rules about the contrasts of an exam together: which are there, on which grids, with a skull or without, twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations

import numpy as np

from imaging.casecheck.finding import EXAM, Finding, FindingRule, Severity
from imaging.casecheck.look import Look
from imaging.geometry import Grid
from imaging.modality import Modality
from imaging.regions import Region

MIN_BRAIN_SHARED = 0.95
"""Of the smaller of two brains on one grid: the part that lies in the other, where both are aligned. At least 0.99 in
the 30 patients that thresholds were measured on; 0.95 once a brain has moved by 4 to 5 mm."""

SAME_IMAGE = 0.9999
"""Correlation above which two images are one, scaled. At most 0.88 in the same patients."""

Needs = Mapping[Region, tuple[Modality, ...]]
"""The contrasts that each region is found from."""


def check_present(sent: frozenset[Modality], needs: Needs) -> Iterator[Finding]:
    """MODALITY_MISSING, for contrasts without which a region can't be found."""
    possible = [region.name for region, needed in needs.items() if sent.issuperset(needed)]
    for modality in Modality:
        if modality in sent or not any(modality in needed for needed in needs.values()):
            continue
        yield Finding(
            FindingRule.MODALITY_MISSING,
            Severity.REFUSE,
            modality.value,
            "must be sent",
            f"none; from what is there, {' and '.join(possible) if possible else 'no region'} can be found",
        )


def check_grids(looks: Mapping[Modality, Look]) -> Iterator[Finding]:
    """GRIDS: contrasts that do not lie on that of the T1CE, and will be registered onto it."""
    fixed = _fixed(looks)
    for look in looks.values():
        if look.on_grid_of(fixed):
            if (shared := brain_shared(fixed, look)) < MIN_BRAIN_SHARED:
                yield Finding(
                    FindingRule.GRIDS,
                    Severity.WARN,
                    look.field,
                    f"brain should lie on that of {fixed.field}, or it is registered",
                    f"{shared:.0%} of it",
                )
            continue
        got = _described(look.volume.grid)
        if look.volume.grid.shape == fixed.volume.grid.shape:
            got += f", up to {look.volume.grid.distance_mm(fixed.volume.grid):.3g} mm away"
        yield Finding(
            FindingRule.GRIDS,
            Severity.WARN,
            look.field,
            f"should lie on the grid of {fixed.field}, {_described(fixed.volume.grid)}, or it is registered",
            got,
        )


def are_aligned(looks: Mapping[Modality, Look]) -> bool:
    """Whether the contrasts need no registration, beyond doubt: one grid, no skull, one brain.

    In a head with its skull, one grid does not tell whether the patient has moved between two contrasts; registration
    finds out.
    """
    fixed = _fixed(looks)
    return all(
        look.stripped and look.on_grid_of(fixed) and brain_shared(fixed, look) >= MIN_BRAIN_SHARED
        for look in looks.values()
    )


def brain_shared(one: Look, other: Look) -> float:
    """The part of the smaller brain that lies in the other, on one grid; 1 where a skull hides it."""
    if not (one.stripped and other.stripped):
        return 1.0
    smaller = min(int(one.shown.sum()), int(other.shown.sum()))
    return int((one.shown & other.shown).sum()) / max(1, smaller)


def check_skull(looks: Mapping[Modality, Look], *, extracts_brain: bool) -> Iterator[Finding]:
    """SKULL. Where only some contrasts are stripped, the brain found on the T1CE serves for all of them."""
    stripped = [look.field for look in looks.values() if look.stripped]
    whole = [look.field for look in looks.values() if not look.stripped]
    if not whole:
        return
    got = f"a skull in {', '.join(whole)}" + (f", none in {', '.join(stripped)}" if stripped else "")
    if not extracts_brain:
        yield Finding(
            FindingRule.SKULL,
            Severity.REFUSE,
            EXAM,
            "must be skull-stripped, zero outside the brain, as no brain extraction is served here",
            got,
        )
    elif stripped:
        yield Finding(FindingRule.SKULL, Severity.WARN, EXAM, "should be skull-stripped, all contrasts or none", got)
    else:
        yield Finding(
            FindingRule.SKULL, Severity.WARN, EXAM, "should be skull-stripped, or the brain is extracted here", got
        )


def check_duplicates(looks: Mapping[Modality, Look]) -> Iterator[Finding]:
    """DUPLICATE: one file under two names, as it is or scaled."""
    for one, other in combinations(looks.values(), 2):
        if one.sample.shape != other.sample.shape or not (same := _sameness(one, other)):
            continue
        for look, twin in ((one, other), (other, one)):
            yield Finding(
                FindingRule.DUPLICATE, Severity.REFUSE, look.field, f"must differ from {twin.field}", f"{same} in both"
            )


def _sameness(one: Look, other: Look) -> str:
    if one.volume.voxels.shape == other.volume.voxels.shape and np.array_equal(one.sample, other.sample):
        # What differs by less than the sample shows is still one image.
        return "the same voxels"
    either = one.shown | other.shown
    first, second = one.sample[either].astype(np.float64), other.sample[either].astype(np.float64)
    if first.std() == 0 or second.std() == 0:
        return ""
    correlation = float(np.corrcoef(first, second)[0, 1])
    return "the same image, scaled," if correlation > SAME_IMAGE else ""


def _fixed(looks: Mapping[Modality, Look]) -> Look:
    """What the others are moved onto: the T1CE, or the first where there is none."""
    return looks.get(Modality.T1CE, next(iter(looks.values())))


def _described(grid: Grid) -> str:
    shape = " x ".join(str(extent) for extent in grid.shape)
    spacing = " x ".join(f"{length:.3g}" for length in grid.spacing_mm)
    return f"{shape} of {spacing} mm, axes {grid.axis_codes}"
