"""A cohort's table as Markdown, beside the paper's figures."""

from __future__ import annotations

import math

from imaging.markdown import table_lines
from imaging.metrics.paper import SOURCE, TABLE_THREE, PaperArm, best_of_paper
from imaging.metrics.summary import CONFIDENCE_LEVEL, RESAMPLES, CohortSummary, Metric, MetricSummary

_TITLES = {
    Metric.DSC: "DSC",
    Metric.HD95_MM: "HD95 (mm)",
    Metric.SENSITIVITY: "Sensitivity",
    Metric.SPECIFICITY: "Specificity",
}

_HEAD = (
    "metric",
    "region",
    "mean",
    f"{CONFIDENCE_LEVEL:.0%} interval",
    "sd",
    "median",
    "n",
    "empty",
    "penalised",
    "no value",
    "paper, real only",
    "paper, best arm",
)


def render_markdown(summary: CohortSummary) -> str:
    """The table, and below it all that its figures depend on.

    Args:
        summary: What `summarise` gave.

    Returns:
        Markdown, ending in a newline.
    """
    lines = table_lines(_HEAD, map(_cells, summary.rows))
    conventions = summary.conventions
    declared = (
        f"{summary.cases} cases. HD95 definition: {conventions.hd95_definition.value}. "
        f"Empty masks: {conventions.empty_mask_policy.value}. "
        f"Specificity over: {conventions.specificity_domain.value}."
    )
    legend = (
        "n: cases with a value, which mean, interval, sd and median are over. empty: cases in which a mask is empty. "
        "penalised: cases among n in which exactly one is, so that the policy's worst value stands in. "
        "no value: cases left out of n (NaN). "
        f"Interval: percentile bootstrap of the mean, {RESAMPLES} resamples of cases, seed {summary.seed}."
    )
    source = f"Paper: {SOURCE}; other patients, so a yardstick and no comparison."
    lines += ["", declared, "", legend, "", source]
    return "\n".join(lines) + "\n"


def _cells(row: MetricSummary) -> list[str]:
    metric = row.metric
    low, high = row.interval
    return [
        _TITLES[metric],
        row.region.name,
        format_figure(metric, row.mean),
        "-" if math.isnan(low) else f"{format_figure(metric, low)} to {format_figure(metric, high)}",
        format_figure(metric, row.sd),
        format_figure(metric, row.median),
        str(row.scored),
        str(row.empty),
        str(row.penalised),
        str(row.undefined),
        format_figure(metric, TABLE_THREE[metric, row.region][PaperArm.REAL_ONLY]),
        format_figure(metric, best_of_paper(metric, row.region)),
    ]


def format_figure(metric: Metric, value: float) -> str:
    """A figure with the decimals of its metric; a dash for none."""
    if math.isnan(value):
        return "-"
    return {Metric.HD95_MM: f"{value:.1f}", Metric.SPECIFICITY: f"{value:.4f}"}.get(metric, f"{value:.3f}")
