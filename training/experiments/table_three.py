"""Table Three: what synthetic patients add to real ones (paper, sections 3.2 and 4.1), with what the paper lacks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from imaging.evaluation import Scores
from imaging.markdown import table_lines
from imaging.metrics.markdown import format_figure
from imaging.metrics.paper import TABLE_THREE, PaperArm
from imaging.metrics.summary import Metric
from imaging.regions import Region
from training.errors import TrainingError
from training.experiments.arms import HALVES, NESTED, ONCE, QUARTERS, ArmName
from training.experiments.resampling import LEVEL, RESAMPLES, Floats, Interval, bootstrap_patients

_TITLES = {
    Metric.DSC: "DSC",
    Metric.SENSITIVITY: "Sens.",
    Metric.SPECIFICITY: "Spec.",
    Metric.HD95_MM: "HD95 (mm)",
}
_REGIONS = (Region.ET, Region.WT, Region.TC)
"""In the paper's order."""


@dataclass(frozen=True, eq=False)
class ArmScores:
    """The scores of all arms. Valid once constructed.

    Args:
        scores: Of each arm, one per seed, all over the same patients under the same conventions. Arms of `ONCE` may
            have only the first of the seeds, or be missing.

    Raises:
        TrainingError: An arm has other seeds or patients than the rest, or the arm `real` is missing.
    """

    scores: Mapping[ArmName, Sequence[Scores]]

    def __post_init__(self) -> None:
        if ArmName.REAL not in self.scores:
            raise TrainingError("scores", "must hold the arm 'real'", ", ".join(self.scores) or "none")
        counts = {len(seeds) for arm, seeds in self.scores.items() if arm not in ONCE}
        if len(counts) != 1 or not all(self.scores.values()):
            raise TrainingError("scores", "must hold every arm with the same seeds", f"{sorted(counts)} seeds")
        ids = {tuple(case.case_id for case in one.cases) for seeds in self.scores.values() for one in seeds}
        if len(ids) != 1:
            raise TrainingError("scores", "must be of the same patients", f"{len(ids)} sets of them")

    @property
    def case_ids(self) -> list[str]:
        """The patients, in order."""
        return [case.case_id for case in self.scores[ArmName.REAL][0].cases]

    @property
    def seeds(self) -> int:
        """How often each arm was trained."""
        return len(self.scores[ArmName.REAL])

    def by_patient(self, arm: ArmName, metric: Metric, region: Region) -> Floats:
        """A metric of each patient, mean over seeds, `float64 [patient]`; NaN where no seed has a value."""
        values = np.array([[metric.of(case.metrics[region]) for case in one.cases] for one in self.scores[arm]])
        known = ~np.isnan(values)
        sums = np.where(known, values, 0.0).sum(axis=0)
        counts = known.sum(axis=0)
        return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)

    def mean(self, arm: ArmName, metric: Metric, region: Region) -> float:
        """Mean over patients of the mean over seeds; NaN when no patient has a value."""
        values = self.by_patient(arm, metric, region)
        return float(np.nanmean(values)) if not np.isnan(values).all() else math.nan

    def seed_sd(self, arm: ArmName, metric: Metric, region: Region) -> float:
        """Standard deviation over seeds of the mean over patients; NaN with fewer than two seeds."""
        means = [float(np.nanmean([metric.of(case.metrics[region]) for case in one.cases])) for one in self.scores[arm]]
        return float(np.std(means, ddof=1)) if len(means) > 1 else math.nan

    def gain(self, arm: ArmName, metric: Metric, region: Region) -> Interval:
        """How much the arm's mean differs from the arm `real`, patients paired."""
        return bootstrap_patients(
            self.by_patient(arm, metric, region) - self.by_patient(ArmName.REAL, metric, region),
            lambda d: d.mean(axis=1),
        )

    def utility_ratio(self, region: Region) -> Interval:
        """Mean DSC trained on synthetic patients alone over mean DSC trained on real ones."""
        pairs = np.stack(
            [self.by_patient(arm, Metric.DSC, region) for arm in (ArmName.SYNTHETIC_ONLY, ArmName.REAL)], axis=1
        )
        return bootstrap_patients(pairs, lambda drawn: drawn[..., 0].mean(axis=1) / drawn[..., 1].mean(axis=1))

    def averaged(self, arms: Sequence[ArmName], metric: Metric, region: Region) -> tuple[float, float]:
        """Mean and standard deviation of several arms' means by the first seed: the paper's future work."""
        first = ArmScores({arm: self.scores[arm][:1] for arm in {ArmName.REAL, *arms}})
        means = [first.mean(arm, metric, region) for arm in arms]
        return float(np.mean(means)), float(np.std(means, ddof=1))


def render_table_three(scores: ArmScores) -> str:
    """The paper's table, ours beside it, and what the paper lacks, as Markdown ending in a newline."""
    conventions = scores.scores[ArmName.REAL][0].conventions
    declared = (
        f"{len(scores.case_ids)} validation patients, {scores.seeds} seed(s), mean over both. "
        f"HD95: {conventions.hd95_definition.value}; empty masks: "
        f"{conventions.empty_mask_policy.value}; specificity over: {conventions.specificity_domain.value}."
    )
    gains = (
        f"Difference to real patients alone, with the {LEVEL} % bootstrap interval over patients (paired, {RESAMPLES} "
        "resamples). An interval that holds 0 shows nothing."
    )
    subsets = (
        "Disjoint subsets, averaged: mean and standard deviation over four quarters and over two halves, first "
        "seed (the paper's future work). Their spread is what a single subset of that size can be off by."
    )
    parts = [
        "Ours. Underlined: the best of its row. Bold: better than real patients alone; italics: worse.",
        _nested(scores),
        declared,
        "The paper's (66 other patients of BraTS 2018, its own U-Nets; a yardstick, no comparison).",
        _paper(),
        gains,
        _gains(scores),
        *((subsets, _subsets(scores)) if scores.scores.keys() >= ONCE else ()),
        "Synthetic patients alone: DSC, and the utility ratio DSC(synthetic only) / DSC(real only).",
        _utility(scores),
    ]
    return "\n\n".join(parts) + "\n"


def _nested(scores: ArmScores) -> str:
    rows = []
    for metric, region in _rows():
        means = [scores.mean(arm, metric, region) for arm in NESTED]
        rows.append([_TITLES[metric], region.name, *_marked(means, metric)])
    return _table(["", "", *(arm.value for arm in NESTED)], rows)


def _paper() -> str:
    rows = [
        [_TITLES[metric], region.name, *_marked([TABLE_THREE[metric, region][arm] for arm in PaperArm], metric)]
        for metric, region in _rows()
    ]
    return _table(["", "", *(arm.value for arm in PaperArm)], rows)


def _gains(scores: ArmScores) -> str:
    arms = (*NESTED[1:], ArmName.SYNTHETIC_ONLY)
    rows = [
        [_TITLES[metric], region.name, *(_interval(scores.gain(arm, metric, region), metric) for arm in arms)]
        for metric, region in _rows()
        if metric in {Metric.DSC, Metric.HD95_MM}
    ]
    return _table(["", "", *(arm.value for arm in arms)], rows)


def _subsets(scores: ArmScores) -> str:
    rows = []
    for metric, region in _rows():
        quarters, halves = (scores.averaged(arms, metric, region) for arms in (QUARTERS, HALVES))
        noise = scores.seed_sd(ArmName.REAL, metric, region)
        rows.append(
            [
                _TITLES[metric],
                region.name,
                *(f"{format_figure(metric, mean)} ± {format_figure(metric, sd)}" for mean, sd in (quarters, halves)),
                format_figure(metric, noise),
            ]
        )
    return _table(["", "", "four quarters", "two halves", "sd over seeds, real only"], rows)


def _utility(scores: ArmScores) -> str:
    rows = [
        [
            region.name,
            format_figure(Metric.DSC, scores.mean(ArmName.REAL, Metric.DSC, region)),
            format_figure(Metric.DSC, scores.mean(ArmName.SYNTHETIC_ONLY, Metric.DSC, region)),
            _interval(scores.utility_ratio(region), Metric.DSC, signed=False),
        ]
        for region in _REGIONS
    ]
    return _table(["", "real only", "synthetic only", "utility ratio"], rows)


def _rows() -> list[tuple[Metric, Region]]:
    return [(metric, region) for metric in _TITLES for region in _REGIONS]


def _marked(means: Sequence[float], metric: Metric) -> list[str]:
    """Figures marked as the paper marks them; the first is that of real patients alone."""
    texts = [format_figure(metric, mean) for mean in means]
    sign = 1.0 if metric.more_is_better else -1.0
    shown = [float(text) if text != "-" else math.nan for text in texts]
    best = max((sign * value for value in shown if not math.isnan(value)), default=math.nan)
    marked = []
    for index, (text, value) in enumerate(zip(texts, shown, strict=True)):
        better = sign * (value - shown[0])
        cell = f"<u>{text}</u>" if sign * value == best else text
        marked.append(f"**{cell}**" if index and better > 0 else f"*{cell}*" if index and better < 0 else cell)
    return marked


def _interval(interval: Interval, metric: Metric, *, signed: bool = True) -> str:
    plus = "+" if signed and interval.value > 0 else ""
    value, low, high = (format_figure(metric, figure) for figure in (interval.value, interval.low, interval.high))
    return f"{plus}{value} ({low} to {high})"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(table_lines(head, rows))
