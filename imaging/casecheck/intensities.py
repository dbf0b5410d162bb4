"""Rules about the intensities of one contrast."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from imaging.casecheck.finding import Finding, FindingRule, Severity
from imaging.casecheck.look import Look

MIN_GREY_VALUES = 8
"""Besides zero. An acquired image has hundreds, a label map up to four, a mask one."""
_FIRST_LOOK = 10_000
"""Voxels among which an acquired image shows more values than that at once."""

MAX_CLIPPED = 0.002
"""Share of the voxels that are not zero and hold the highest value. At most 0.000003 in the 30 patients that thresholds
were measured on; 0.005 where somebody cut at the 99.5th percentile, which takes the height of enhancing tumour."""
MIN_CLIPPED_VOXELS = 50
"""Of those looked at. In a small image, a few voxels of the highest value are chance."""


def check_finite(look: Look) -> Iterator[Finding]:
    """FINITE."""
    if not look.finite:
        yield Finding(FindingRule.FINITE, Severity.REFUSE, look.field, "voxels must be numbers", "NaN or infinity")


def check_varied(look: Look) -> Iterator[Finding]:
    """CONSTANT: nothing to see, or labels in place of an image."""
    values = look.values
    if not values.size:
        yield Finding(FindingRule.CONSTANT, Severity.REFUSE, look.field, "must vary", "zeros alone")
        return
    some = values[:: max(1, values.size // _FIRST_LOOK)]
    if np.unique(some).size > MIN_GREY_VALUES:
        return
    grey_values = np.unique(values).size
    if grey_values <= MIN_GREY_VALUES:
        yield Finding(
            FindingRule.CONSTANT,
            Severity.REFUSE,
            look.field,
            f"must be an image of more than {MIN_GREY_VALUES} grey values",
            f"{grey_values} besides zero",
        )


def check_clipped(look: Look) -> Iterator[Finding]:
    """CLIPPED. Only at the top: background and fluid may well lie at the lowest value."""
    highest = np.count_nonzero(look.values == look.values.max(initial=-np.inf))
    share = highest / max(1, look.values.size)
    if share > MAX_CLIPPED and highest >= MIN_CLIPPED_VOXELS:
        yield Finding(
            FindingRule.CLIPPED,
            Severity.WARN,
            look.field,
            f"should have at most {MAX_CLIPPED:.1%} of its voxels at the highest value",
            f"{share:.1%}",
        )
