"""The replica check as Markdown."""

from __future__ import annotations

from imaging.markdown import table_lines
from imaging.replicas.align import MIN_BRAIN_PIXELS, SIDE
from imaging.replicas.nearest import CANDIDATES
from imaging.replicas.report import LEVELS, ReplicaReport, Spread


def render_replicas(report: ReplicaReport) -> str:
    """A sentence, the distributions as a table, and the rule.

    Args:
        report: What `check_replicas` gave.

    Returns:
        Markdown, ending in a newline.
    """
    calibration = report.calibration
    sentence = (
        f"Of {report.slices} synthetic slices {_counted(report, 'flagged')} are nearer to a training slice than "
        f"patients come to each other: {_counted(report, 'own_source')} to one of the patient whose map they were "
        f"drawn from, which is expected where that patient is a training patient, and "
        f"{_counted(report, 'other_patient')} to another's. With the source left out it is "
        f"{_counted(report, 'flagged_without_source')}; of real slices, their own patient left out, it is "
        f"{calibration.real_flagged} of {calibration.real.slices} ({report.expected_share:.2%})."
    )
    head = ["nearest training slice of", "figure", *(f"{level:.0%}" for level in LEVELS)]
    rows: list[list[str]] = []
    for name, spread in (
        ("real slices, own patient left out", calibration.real),
        ("synthetic slices", report.nearest),
        ("synthetic slices, source left out", report.nearest_without_source),
    ):
        rows += [[name, *cells] for cells in _cells(spread)]
    rule = (
        f"Columns are quantiles. Likeness: mean of correlation and SSIM. Flagged: likeness above "
        f"{calibration.threshold:.3f}, the {calibration.quantile:.1%} quantile of real slices'. Slices with at least "
        f"{MIN_BRAIN_PIXELS} pixels of brain, cut to it and brought to {SIDE} x {SIDE}, mirrored or not, all contrasts "
        f"together; SSIM (Gaussian window, sigma 1.5) over the brain, for the {CANDIDATES} slices that correlate best."
    )
    return "\n".join([sentence, "", *table_lines(head, rows), "", rule]) + "\n"


def _counted(report: ReplicaReport, name: str) -> str:
    return f"{getattr(report, name)} ({report.shares[name]:.2%})"


def _cells(spread: Spread) -> list[list[str]]:
    return [
        [title, *([f"{value:.3f}" for value in values] or ["-"] * len(LEVELS))]
        for title, values in (
            ("likeness", spread.likeness),
            ("correlation", spread.correlation),
            ("SSIM", spread.ssim),
        )
    ]
