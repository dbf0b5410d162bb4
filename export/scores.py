"""Scores as `python -m training evaluate` wrote them, read back for the model cards."""

from __future__ import annotations

from pathlib import Path

from export.errors import FactsError
from imaging.errors import MetricError
from imaging.evaluation import Scores


def load_scores(path: Path) -> Scores:
    """The scores of a file that `imaging.evaluation.Scores.to_json` wrote.

    Raises:
        FactsError: It can't be read, or is not such a file.
    """
    try:
        return Scores.from_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FactsError("scores", "must be a readable file", type(error).__name__) from None
    except MetricError as error:
        raise FactsError(error.field, error.rule, error.got) from None
