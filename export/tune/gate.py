"""The gate of reduced precision: real patients through the whole pipeline, whose mean DSC must stay as it is."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from export.errors import TuneError
from imaging.metrics.overlap import compute_dsc, count_confusion
from imaging.regions import Region, RegionMasks

PatientDsc = Mapping[Region, float]
"""DSC of each region of one patient, 0 to 1; 1 where mask and reference are both empty."""


@dataclass(frozen=True)
class DscBounds:
    """How far a candidate may be off.

    Args:
        mean_change: The change of any region's mean DSC stays below this, up or down.
    """

    mean_change: float = 1e-3


@dataclass(frozen=True)
class RegionChange:
    """How one region's DSC changed, over all patients.

    Args:
        reference: Mean DSC by the reference engine.
        candidate: Mean DSC by the candidate.
        mean_change: The candidate's less the reference's.
        largest_change: Of any patient, without sign.
    """

    reference: float
    candidate: float
    mean_change: float
    largest_change: float


@dataclass(frozen=True, kw_only=True)
class DscGateReport:
    """What a candidate was compared with, what was found, and what was allowed.

    Args:
        bounds: What is allowed.
        numbers: What was judged, e.g. `openvino bf16`.
        reference: What it was compared with.
        patients: How many patients both segmented.
        golden_faults: The regions whose golden slices it answers otherwise than was recorded at export: with one, no
            server would call it ready.
        regions: What was found, each region once.
    """

    bounds: DscBounds
    numbers: str
    reference: str
    patients: int
    golden_faults: tuple[Region, ...]
    regions: Mapping[Region, RegionChange]

    @property
    def faults(self) -> tuple[Region, ...]:
        """The regions that fail: by their golden slices, or by a mean that changed too much or is no number."""
        return tuple(
            region
            for region, change in self.regions.items()
            if region in self.golden_faults or not abs(change.mean_change) < self.bounds.mean_change
        )

    @property
    def passed(self) -> bool:
        """Whether the candidate may be served."""
        return not self.faults

    @property
    def summary(self) -> str:
        """One line for the reader."""
        changes = ", ".join(f"{region.name} {change.mean_change:+.5f}" for region, change in self.regions.items())
        names = " and ".join(region.name for region in self.golden_faults)
        golden = f", golden slices of {names} answered otherwise" if names else ""
        verdict = "passed" if self.passed else "failed"
        return f"{self.numbers} {verdict}: mean DSC {changes} ({self.patients} patients{golden})"

    def to_json(self) -> str:
        """The report as indented JSON, keys sorted."""
        return json.dumps(asdict(self) | {"passed": self.passed}, indent=2, sort_keys=True) + "\n"


def patient_dsc(masks: RegionMasks, reference: RegionMasks) -> dict[Region, float]:
    """DSC of each region.

    Two empty masks agree, and count as 1: else a patient without ET would drop out of the mean as long as none is
    found, and a candidate that finds some where there is none would not be told from one that does not.

    Args:
        masks: `bool [i, j, k]` each.
        reference: The same.

    Raises:
        MetricError: Shapes differ.
    """
    found = {region: compute_dsc(count_confusion(masks[region], reference[region])) for region in Region}
    return {region: 1.0 if math.isnan(dsc) else dsc for region, dsc in found.items()}


def judge(
    pairs: Sequence[tuple[PatientDsc, PatientDsc]],
    *,
    numbers: str,
    reference: str,
    golden_faults: tuple[Region, ...] = (),
    bounds: DscBounds | None = None,
) -> DscGateReport:
    """Compare a candidate with the reference engine, patient by patient.

    Args:
        pairs: DSC by the reference engine and by the candidate, one pair for each patient.
        numbers: What is judged.
        reference: What it is compared with.
        golden_faults: The regions whose golden slices it answers otherwise than recorded.
        bounds: What is allowed.

    Raises:
        TuneError: There is no patient.
    """
    if not pairs:
        raise TuneError("patients", "must be at least one", "none")
    return DscGateReport(
        bounds=bounds or DscBounds(),
        numbers=numbers,
        reference=reference,
        patients=len(pairs),
        golden_faults=golden_faults,
        regions={region: _change([(one[region], other[region]) for one, other in pairs]) for region in Region},
    )


def _change(pairs: Sequence[tuple[float, float]]) -> RegionChange:
    reference, candidate = (math.fsum(values) / len(pairs) for values in zip(*pairs, strict=True))
    changes = [after - before for before, after in pairs]
    return RegionChange(
        reference=reference,
        candidate=candidate,
        mean_change=math.fsum(changes) / len(pairs),
        largest_change=max(map(abs, changes)),
    )
