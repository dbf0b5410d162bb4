"""Table Two as Markdown, beside the paper's figures."""

from __future__ import annotations

import math

from imaging.markdown import table_lines
from training.reader_study.answers import BEST_SCORE
from training.reader_study.score import CONFIDENCE_LEVEL, PAPER_MISCLASSIFIED_PERCENT, Rate, ScoreRow, TableTwo

_ALL = "all"
_SOURCE = (
    "Paper: its Table Two, one physician, 9 real and 10 synthetic slices of each modality; "
    "other slices and another reader, so a yardstick and no comparison."
)
_HEAD = (
    "reader",
    "modality",
    "n",
    "misclassified",
    "%",
    f"{CONFIDENCE_LEVEL:.0%} interval",
    "synthetic judged real",
    "real judged synthetic",
    "score of real",
    "score of synthetic",
    "paper, %",
)


def render_table_two(table: TableTwo) -> str:
    """The table, and below it how its figures are meant.

    Args:
        table: What `score_answers` gave.

    Returns:
        Markdown, ending in a newline.
    """
    lines = table_lines(_HEAD, map(_cells, table.rows))
    legend = (
        "misclassified: real slices judged synthetic and synthetic ones judged real; 50 % is what guessing comes to. "
        f"Scores: mean image quality, 1 to {BEST_SCORE}. Interval: Wilson's, in %."
    )
    if table.agreements:
        legend += " Rows of all readers count every answer; as all saw the same slices, the interval is too narrow."
    lines += ["", f"Study {table.study_id}: {_plain(table.title)}.", "", legend]
    for each in table.agreements:
        one, other = (_plain(reader) for reader in each.readers)
        kappa = "not defined" if math.isnan(each.kappa) else f"{each.kappa:.2f}"
        lines += ["", f"Agreement of {one} and {other}: {_share(each.alike)}, Cohen's kappa {kappa}."]
    lines += ["", _SOURCE]
    return "\n".join(lines) + "\n"


def _cells(row: ScoreRow) -> list[str]:
    low, high = row.misclassified.interval_percent
    paper = "-" if row.modality is None else f"{PAPER_MISCLASSIFIED_PERCENT[row.modality]:.1f}"
    return [
        _ALL if row.reader is None else _plain(row.reader),
        _ALL if row.modality is None else row.modality.value.upper(),
        str(row.misclassified.of),
        str(row.misclassified.count),
        _figure(row.misclassified.percent, 1),
        f"{_figure(low, 1)} to {_figure(high, 1)}",
        _share(row.synthetic_as_real),
        _share(row.real_as_synthetic),
        _figure(row.real_score, 2),
        _figure(row.synthetic_score, 2),
        paper,
    ]


def _share(rate: Rate) -> str:
    return f"{rate.count}/{rate.of} ({_figure(rate.percent, 1)} %)" if rate.of else "-"


def _figure(value: float, digits: int) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def _plain(text: str) -> str:
    """What somebody typed, so that it can't break the table."""
    return " ".join(text.replace("|", "/").split())
