"""What no answer may be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imaging.regions import Region
from serving.errors import EngineAnswerError
from serving.inference.catalog import repository_catalog
from serving.inference.checks import check_answer

SLICES = np.zeros((2, 3, 16, 32), np.float32)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (np.zeros((0,), np.float32), r"must answer float32 \(2, 16, 32\), got float32 \(0,\)"),
        (np.zeros((2, 32, 16), np.float32), "must answer float32"),
        (np.zeros((2, 1, 16, 32), np.float32), "must answer float32"),
        (np.zeros((2, 16, 32), np.float64), "got float64"),
        (np.full((2, 16, 32), np.inf, np.float32), "must answer finite probabilities"),
    ],
)
def test_refuses_what_is_no_answer(repository: Path, answer: np.ndarray, complaint: str) -> None:
    model = repository_catalog(repository)[Region.WT]
    check_answer(model, SLICES, np.zeros((2, 16, 32), np.float32))

    with pytest.raises(EngineAnswerError, match=complaint):
        check_answer(model, SLICES, answer)
