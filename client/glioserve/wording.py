"""Words and figures for people, the same on a terminal and in a report."""

from __future__ import annotations

import math

from glioserve.terms import EmptyMaskPolicy, Hd95Definition, MetricStatus, Region, SpecificityDomain

REGION_TITLE = {Region.WT: "Whole tumour", Region.TC: "Tumour core", Region.ET: "Enhancing tumour"}

STATUS_NOTE = {
    MetricStatus.COMPUTED: "",
    MetricStatus.BOTH_EMPTY: "both masks empty",
    MetricStatus.PREDICTION_EMPTY: "missed: nothing found",
    MetricStatus.REFERENCE_EMPTY: "false alarm: not in the reference",
}

HD95_TITLE = {
    Hd95Definition.POOLED: "pooled (both directed distance sets together; MedPy)",
    Hd95Definition.DIRECTED_MAX: "directed-max (larger of the two directed percentiles; MONAI, Metrics Reloaded)",
    Hd95Definition.SURFEL_WEIGHTED: "surfel-weighted (percentile by surface area; surface-distance)",
}

EMPTY_TITLE = {
    EmptyMaskPolicy.LEGACY: "legacy (BraTS 2018: both empty 1 and 0 mm, one empty 0 and 373.13 mm)",
    EmptyMaskPolicy.BRATS_2026: "brats2026 (both empty no value, one empty 0 and 373 mm)",
    EmptyMaskPolicy.STRICT: "strict (no value)",
}

DOMAIN_TITLE = {
    SpecificityDomain.IMAGE: "image (the whole volume, so always near 1)",
    SpecificityDomain.BRAIN: "brain",
}

_STAGES = {
    "decode": "Read the files",
    "case_check": "Check the case",
    "check": "Check the exam",
    "register": "Register onto T1CE",
    "resample": "Resample to 1 mm",
    "extract_brain": "Extract the brain",
    "normalise": "Normalise",
    "segment_wt": "Segment WT",
    "segment_tc": "Segment TC",
    "segment_et": "Segment ET",
    "gate": "Gate and nest",
    "restore": "Restore the grid",
    "return": "Return to the grid as sent",
    "measure": "Measure",
    "encode": "Write the files",
    "map": "Make the brain map",
    "edit": "Edit the brain map",
    "draw": "Draw",
    "describe": "Measure",
}


def stage_title(stage: str) -> str:
    """A server's stage in words."""
    return _STAGES.get(stage, stage.replace("_", " ").capitalize())


def share(value: float, *, digits: int = 3) -> str:
    """A number from 0 to 1."""
    return f"{value:.{digits}f}" if math.isfinite(value) else "no value"


def millimetres(value: float) -> str:
    """A distance."""
    return f"{value:.2f} mm" if math.isfinite(value) else "no value"


def degrees(value: float) -> str:
    """An angle."""
    return f"{value:.1f}°"


def similarity(value: float) -> str:
    """Mutual information."""
    return f"{value:.3f} nats"


def millilitres(value: float) -> str:
    """A volume. Small ones keep a second digit."""
    return f"{value:.1f} ml" if value >= 10 or value == 0 else f"{value:.2f} ml"


def seconds(value: float) -> str:
    """A duration."""
    return f"{value:.2f} s"


def count(value: int) -> str:
    """A number of things, thousands apart."""
    return f"{value:,}".replace(",", "\u202f")


def mebibytes(value: int) -> str:
    """A size of a file."""
    return f"{value / 2**20:.0f} MiB"
