"""What no answer may be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imaging.regions import Region
from serving.errors import EngineAnswerError, EngineRequestError
from serving.inference.catalog import repository_catalog
from serving.inference.checks import check_answer, check_batch

SLICES = np.zeros((2, 3, 16, 32), np.float16)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (np.zeros((0,), np.float16), r"must answer float16 \(2, 16, 32\), got float16 \(0,\)"),
        (np.zeros((2, 32, 16), np.float16), "must answer float16"),
        (np.zeros((2, 1, 16, 32), np.float16), "must answer float16"),
        (np.zeros((2, 16, 32), np.float64), "got float64"),
        (np.full((2, 16, 32), np.inf, np.float16), "must answer finite probabilities"),
    ],
)
def test_refuses_what_is_no_answer(repository: Path, answer: np.ndarray, complaint: str) -> None:
    model = repository_catalog(repository)[Region.WT]
    check_answer(model, SLICES, np.zeros((2, 16, 32), np.float16))

    with pytest.raises(EngineAnswerError, match=complaint):
        check_answer(model, SLICES, answer)


@pytest.mark.parametrize(
    ("maps", "complaint"),
    [
        (np.zeros((1, 4, 16, 16), np.uint8), r"maps must be of shape \[slice, 19, i, j\]"),
        (np.zeros((1, 19, 16, 16), np.float32), "maps must be uint8"),
        (np.zeros((5, 19, 16, 16), np.uint8), "must get at most 4 slices"),
    ],
)
def test_refuses_maps_that_a_generator_can_not_take(repository: Path, maps: np.ndarray, complaint: str) -> None:
    with pytest.raises(EngineRequestError, match=complaint):
        check_batch(repository_catalog(repository).generator("joint"), maps)


def test_a_generators_answer_has_its_contrasts(repository: Path) -> None:
    generator = repository_catalog(repository).generator("joint")
    maps = np.zeros((2, 19, 16, 32), np.uint8)
    check_answer(generator, maps, np.zeros((2, 4, 16, 32), np.float32))

    with pytest.raises(EngineAnswerError, match=r"must answer float32 \(2, 4, 16, 32\)"):
        check_answer(generator, maps, np.zeros((2, 16, 32), np.float32))
    with pytest.raises(EngineAnswerError, match="must answer finite images"):
        check_answer(generator, maps, np.full((2, 4, 16, 32), np.nan, np.float32))
