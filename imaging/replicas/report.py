"""Which synthetic slices come nearer to a training slice than other patients come to each other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from imaging.replicas.align import AlignedSlices, ReplicaError
from imaging.replicas.describe import descriptor
from imaging.replicas.nearest import Nearest, find_nearest

QUANTILE = 0.99
"""Of real slices' likeness to other patients: beyond it, likeness is no longer that of two patients."""
LEVELS = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
"""Quantiles that are reported of every distribution."""


@dataclass(frozen=True)
class Spread:
    """How near slices come to their nearest training slice: quantiles at `LEVELS`.

    Args:
        slices: Of how many slices.
        likeness: Quantiles, ascending; empty where there is no slice.
        correlation: Quantiles, ascending; empty where there is no slice.
        ssim: Quantiles, ascending; empty where there is no slice.
    """

    slices: int
    likeness: tuple[float, ...]
    correlation: tuple[float, ...]
    ssim: tuple[float, ...]

    @classmethod
    def of(cls, found: Sequence[Nearest]) -> Spread:
        """The quantiles over all slices that have a nearest one."""
        there = np.concatenate([nearest.index >= 0 for nearest in found])
        if not there.any():
            return cls(0, (), (), ())
        likeness, correlation, ssim = (
            tuple(np.quantile(np.concatenate(values)[there], LEVELS).tolist())
            for values in (
                [nearest.likeness for nearest in found],
                [nearest.correlation for nearest in found],
                [nearest.ssim for nearest in found],
            )
        )
        return cls(int(np.count_nonzero(there)), likeness, correlation, ssim)


@dataclass(frozen=True)
class Calibration:
    """From where on a slice counts as a replica, as learnt from real patients.

    The rule: the likeness to the nearest training slice exceeds the threshold. Were correlation and SSIM each to exceed
    one of their own, noisy copies would pass for their low SSIM; were one of them enough, twice as many strangers
    would be flagged.

    Args:
        quantile: The threshold is this quantile of real slices' likeness to the nearest slice of another patient.
        threshold: Of `Nearest.likeness`.
        real: How near real training slices come to the nearest one of another patient.
        real_flagged: How many of them the rule flags nevertheless: what to expect of slices that are no replicas.
    """

    quantile: float
    threshold: float
    real: Spread
    real_flagged: int

    def flags(self, nearest: Nearest) -> npt.NDArray[np.bool_]:
        """Which slices the rule flags, `bool [n]`. What has no training slice to compare with is not flagged."""
        return np.asarray(nearest.likeness > self.threshold)


def calibrate(training: AlignedSlices, *, quantile: float = QUANTILE) -> Calibration:
    """Learn from real patients how near slices of different patients come to each other.

    Args:
        training: Of at least two patients.
        quantile: For the threshold, between 0 and 1.

    Raises:
        ReplicaError: There are fewer than two patients, or the quantile is out of range.
    """
    if not 0.0 < quantile < 1.0:
        raise ReplicaError("quantile", "must lie between 0 and 1", f"{quantile:g}")
    if (patients := np.unique(training.patients).size) < 2:
        raise ReplicaError("training", "must hold slices of at least 2 patients", f"{patients}")
    nearest = find_nearest(training, training, other_patients=True)
    threshold = float(np.quantile(nearest.likeness, quantile))
    flagged = int(np.count_nonzero(nearest.likeness > threshold))
    return Calibration(quantile, threshold, Spread.of([nearest]), flagged)


@dataclass(frozen=True)
class ReplicaReport:
    """What the check found.

    A synthetic slice is drawn from the map of a patient, its source. The source's own slice is expected to be the
    nearest and to be flagged, where it is a training patient: all but the lesion is drawn as it is there. What tells
    of memorisation is likeness to training slices of others, with which the map has nothing to do: they are looked
    for once more with the source left out.

    Args:
        calibration: The threshold, and real slices' figures.
        slices: How many synthetic slices were looked at.
        flagged: How many are flagged, all training slices considered.
        own_source: How many of those lie nearest to a slice of their source.
        other_patient: How many of those lie nearest to a slice of another patient.
        flagged_without_source: How many are flagged when their source is left out.
        nearest: How near they come to any training slice.
        nearest_without_source: How near they come to training slices of others than their source.
    """

    calibration: Calibration
    slices: int
    flagged: int
    own_source: int
    other_patient: int
    flagged_without_source: int
    nearest: Spread
    nearest_without_source: Spread

    @property
    def shares(self) -> Mapping[str, float]:
        """The counts as shares of all synthetic slices, by the counts' names, 0 to 1."""
        return {
            name: getattr(self, name) / self.slices
            for name in ("flagged", "own_source", "other_patient", "flagged_without_source")
        }

    @property
    def expected_share(self) -> float:
        """The share of real slices that the rule flags with their own patient left out, 0 to 1."""
        return self.calibration.real_flagged / self.calibration.real.slices

    def to_json(self) -> str:
        """The report, its shares among it."""
        content = {
            **asdict(self),
            "quantile_levels": LEVELS,
            "shares": self.shares,
            "expected_share": self.expected_share,
        }
        return json.dumps(content, indent=1) + "\n"


def check_replicas(
    synthetic: Iterable[AlignedSlices], training: AlignedSlices, calibration: Calibration
) -> ReplicaReport:
    """Look for the nearest training slice of every synthetic slice, and judge it.

    Args:
        synthetic: Case by case; `patients` names the source of each.
        training: The slices that the generator was trained on.
        calibration: What `calibrate` gave for them.

    Raises:
        ReplicaError: There is no synthetic slice, or contrasts differ in number.
    """
    index = descriptor(training)
    found: list[tuple[Nearest, Nearest, npt.NDArray[np.bool_]]] = []
    for case in synthetic:
        nearest = find_nearest(case, training, index=index)
        without = find_nearest(case, training, index=index, other_patients=True)
        found.append((nearest, without, training.patients[nearest.index] == case.patients))
    if not any(len(own) for _, _, own in found):
        raise ReplicaError("synthetic", "must hold at least one slice", "none")
    flagged = np.concatenate([calibration.flags(nearest) for nearest, _, _ in found])
    beside = np.concatenate([calibration.flags(without) for _, without, _ in found])
    own = np.concatenate([own for _, _, own in found])
    return ReplicaReport(
        calibration=calibration,
        slices=len(own),
        flagged=int(np.count_nonzero(flagged)),
        own_source=int(np.count_nonzero(flagged & own)),
        other_patient=int(np.count_nonzero(flagged & ~own)),
        flagged_without_source=int(np.count_nonzero(beside)),
        nearest=Spread.of([nearest for nearest, _, _ in found]),
        nearest_without_source=Spread.of([without for _, without, _ in found]),
    )
