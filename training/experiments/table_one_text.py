"""Table One as Markdown, beside the paper's row and what in it can't be right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from imaging.markdown import table_lines
from imaging.metrics.image_quality import QualityDomain, QualityMetric, SsimWindow
from imaging.metrics.paper import TABLE_ONE, TABLE_ONE_RANGE, TABLE_ONE_SOURCE, check_table_one
from imaging.metrics.summary import CONFIDENCE_LEVEL, RESAMPLES
from imaging.modality import Modality
from training.errors import TrainingError
from training.experiments.table_one import QualityConventions, QualityFigure, QualityRow, QualityTable

_HEAD = (
    "over",
    "contrast",
    "variant",
    "MSE",
    "MAE",
    "PSNR (dB)",
    "SSIM",
    f"SSIM, {CONFIDENCE_LEVEL:.0%} interval",
    "patients",
    "slices",
)
_DECIMALS = {QualityMetric.MSE: 1, QualityMetric.MAE: 2, QualityMetric.PSNR_DB: 2, QualityMetric.SSIM: 3}


def render_table_one(tables: Mapping[str, QualityTable]) -> str:
    """The table, and below it all that its figures depend on.

    Args:
        tables: Of each variant by its name, all made under the same conventions and of as many patients.

    Returns:
        Markdown, ending in a newline.

    Raises:
        TrainingError: There is no table, or tables of different conventions or numbers of patients.
    """
    if not tables:
        raise TrainingError("tables", "must hold at least one", "none")
    first, *others = tables.values()
    if any((other.conventions, other.patients) != (first.conventions, first.patients) for other in others):
        raise TrainingError("tables", "must have the same conventions and as many patients", "different ones")
    rows = [
        _cells(table.row(modality, domain), variant)
        for domain in QualityDomain
        for modality in Modality
        for variant, table in tables.items()
    ]
    lines = table_lines(_HEAD, [*rows, *map(_cells_of_paper, Modality)])
    lines += ["", _declared(first.conventions), "", _legend([table.seed for table in tables.values()])]
    lines += ["", f"Paper: {TABLE_ONE_SOURCE}.", "", *_doubts()]
    return "\n".join(lines) + "\n"


def _cells(row: QualityRow, variant: str) -> list[str]:
    interval = row.ssim.interval
    return [
        row.domain.value,
        row.modality.name,
        variant,
        *(_figure(metric, row.figure(metric)) for metric in QualityMetric),
        "-" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}",
        str(row.ssim.patients),
        str(row.slices),
    ]


def _figure(metric: QualityMetric, figure: QualityFigure) -> str:
    if figure.mean is None:
        return "-"
    decimals = _DECIMALS[metric]
    spread = "" if figure.sd is None else f" ± {figure.sd:.{decimals}f}"
    return f"{figure.mean:.{decimals}f}{spread}"


def _cells_of_paper(modality: Modality) -> list[str]:
    printed = [TABLE_ONE[metric, modality] for metric in QualityMetric]
    figures = [f"{figure.mean:.3f} ± {figure.sd:.3f}" for figure in printed]
    return ["not stated", modality.name, "paper", *figures, "-", "-", "-"]


def _declared(conventions: QualityConventions) -> str:
    window = {
        SsimWindow.GAUSSIAN: "Gaussian, 11 pixels wide, sigma 1.5",
        SsimWindow.UNIFORM: "uniform, 7 pixels wide",
    }[conventions.ssim_window]
    return (
        f"Axial slices in the middle of a frame of {conventions.side} x {conventions.side} pixels, those with at least "
        f"{conventions.brain_share:.0%} of brain in it. Intensities 0 to {conventions.data_range:g}, "
        f"{conventions.data_range:g} being the 99.9th percentile of the real brain; this is also the range of PSNR and "
        f"SSIM. SSIM's window: {window}, kept inside the frame. Over: all pixels of the frame (image), those of the "
        f"brain, or those of the whole tumour on slices with at least {conventions.tumour_pixels} of them."
    )


def _legend(seeds: Sequence[int]) -> str:
    told = ", ".join(str(seed) for seed in sorted(set(seeds)))
    return (
        "Mean ± sample standard deviation over patients of the mean of a patient's slices. Interval: percentile "
        f"bootstrap of the mean, {RESAMPLES} resamples of patients, seed {told}. Every image is drawn from the "
        "patient's own, unchanged map, which tells each contrast's quarters: a measure of the drawing, not of new "
        "images. Background is right by construction, so that the image as a whole flatters."
    )


def _doubts() -> list[str]:
    """What in the paper's rows can't be right, a line per contrast."""
    rule = (
        "What in the paper's rows can't be right: a mean absolute error never exceeds the root of the mean squared "
        "one, and PSNR follows from mean squared error and range. Only SSIM can be set beside ours."
    )
    lines = [rule, ""]
    for check in check_table_one():
        verdict = "within" if check.mae_is_possible else "above"
        lines.append(
            f"* {check.modality.name}: MAE {check.mae:.1f} is {verdict} the root of MSE {check.mse:.1f}, which is "
            f"{check.largest_mae:.1f}; with the range {TABLE_ONE_RANGE:g} PSNR would be {check.psnr_db_allowed:.1f} "
            f"dB, and {check.psnr_db:.1f} dB needs a range of {check.range_needed:.0f}."
        )
    return lines
