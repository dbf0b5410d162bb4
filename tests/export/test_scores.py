from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from export.errors import FactsError
from export.scores import load_scores
from imaging.metrics.policy import MetricStatus
from imaging.regions import Region
from tests.export.test_model_card import scores


def test_reads_what_the_evaluation_wrote(tmp_path: Path) -> None:
    file = tmp_path / "scores.json"
    file.write_text(scores().to_json())
    loaded = load_scores(file)
    assert loaded.to_json() == scores().to_json()
    assert loaded.cases[0].metrics[Region.ET].status is MetricStatus.COMPUTED
    assert math.isnan(loaded.cases[0].metrics[Region.WT].hd95_mm)


@pytest.mark.parametrize("content", ["", "[]", "{}", json.dumps({"engine": "x", "conventions": {}, "cases": []})])
def test_refuses_anything_else(tmp_path: Path, content: str) -> None:
    file = tmp_path / "scores.json"
    file.write_text(content)
    with pytest.raises(FactsError, match="must be what the evaluation wrote"):
        load_scores(file)


def test_refuses_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FactsError, match="must be a readable file"):
        load_scores(tmp_path / "none.json")
