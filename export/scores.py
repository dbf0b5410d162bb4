"""Scores as `python -m training evaluate` wrote them, read back for the model cards."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from export.errors import FactsError
from imaging.evaluation import CaseScore, Scores
from imaging.metrics.hd95 import Hd95Definition
from imaging.metrics.overlap import SpecificityDomain
from imaging.metrics.policy import EmptyMaskPolicy, MetricStatus
from imaging.metrics.regions import MetricConventions, RegionMetrics
from imaging.regions import Region


def load_scores(path: Path) -> Scores:
    """The scores of a file that `imaging.evaluation.Scores.to_json` wrote.

    Raises:
        FactsError: It can't be read, or is not such a file.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return _scores(content)
    except OSError as error:
        raise FactsError("scores", "must be a readable file", type(error).__name__) from None
    except (KeyError, TypeError, ValueError) as error:
        raise FactsError("scores", "must be what the evaluation wrote", f"{type(error).__name__}: {error}") from None


def _scores(content: dict[str, Any]) -> Scores:
    conventions = content["conventions"]
    return Scores(
        engine=str(content["engine"]),
        conventions=MetricConventions(
            hd95_definition=Hd95Definition(conventions["hd95_definition"]),
            empty_mask_policy=EmptyMaskPolicy(conventions["empty_mask_policy"]),
            specificity_domain=SpecificityDomain(conventions["specificity_domain"]),
        ),
        cases=[
            CaseScore(
                str(case["case_id"]),
                {Region(region): _metrics(Region(region), values) for region, values in case["regions"].items()},
            )
            for case in content["cases"]
        ],
    )


def _metrics(region: Region, values: dict[str, Any]) -> RegionMetrics:
    return RegionMetrics(
        region=region,
        dsc=_number(values["dsc"]),
        hd95_mm=_number(values["hd95_mm"]),
        sensitivity=_number(values["sensitivity"]),
        specificity=_number(values["specificity"]),
        status=MetricStatus(values["status"]),
    )


def _number(value: float | None) -> float:
    """JSON has no NaN: null stands in its place."""
    return math.nan if value is None else float(value)
