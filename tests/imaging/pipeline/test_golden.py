"""The golden slices, their record, and what counts as the same answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from imaging.errors import GoldenError
from imaging.pipeline.golden import PROBES, GoldenAnswer, golden_slices

Probabilities = npt.NDArray[np.float32]


@pytest.fixture
def probabilities() -> Probabilities:
    return np.clip(golden_slices(3)[:, 2] / 3.0, 0.0, 1.0)


def test_slices_are_the_same_bytes_everywhere() -> None:
    digest = hashlib.sha256(golden_slices(4).tobytes()).hexdigest()

    assert digest == "1f7eba27e565db3837a9fc759da80650e6a985d987959e0e925ca91fae092bf8"


def test_slices_of_fewer_channels_are_the_first_of_more() -> None:
    np.testing.assert_array_equal(golden_slices(3), golden_slices(4)[:, :3])


def test_slices_fit_the_networks_and_differ() -> None:
    slices = golden_slices(4)

    assert slices.shape == (2, 4, 64, 64)
    assert slices.dtype == np.float32
    assert np.abs(slices[0] - slices[1]).max() > 1.0
    assert not slices[:, :, 0].any()  # air
    assert np.abs(slices).max() < 5.0


def test_slices_need_a_channel() -> None:
    with pytest.raises(GoldenError, match="at least 1, got 0"):
        golden_slices(0)


def test_survives_json(probabilities: Probabilities) -> None:
    answer = GoldenAnswer.record(probabilities, tolerance=0.02)

    assert GoldenAnswer.from_json(answer.to_json()) == answer
    assert "\n" not in answer.to_json()


def test_accepts_what_was_recorded_and_what_is_near(probabilities: Probabilities) -> None:
    answer = GoldenAnswer.record(probabilities)

    assert answer.check(probabilities) < 1e-5
    assert answer.check(probabilities + np.float32(0.009)) == pytest.approx(0.009, abs=1e-5)


@pytest.mark.parametrize(
    ("alter", "complaint"),
    [
        (lambda probabilities: probabilities + np.float32(0.011), "must equal the recorded within 0.01"),
        (lambda probabilities: probabilities[::-1], "must equal the recorded"),
        (lambda probabilities: probabilities.transpose(0, 2, 1), "must equal the recorded"),
        (np.zeros_like, "must equal the recorded"),
        (lambda probabilities: probabilities[:1], "must be of shape"),
        (lambda probabilities: probabilities[:, :0], "must be of shape"),
        (lambda probabilities: probabilities.astype(np.float64), "must be float32"),
        (lambda probabilities: np.where(probabilities > 0.5, np.float32(np.nan), probabilities), "must be finite"),
    ],
)
def test_refuses_another_answer(
    probabilities: Probabilities, alter: Callable[[Probabilities], Probabilities], complaint: str
) -> None:
    with pytest.raises(GoldenError, match=complaint):
        GoldenAnswer.record(probabilities).check(alter(probabilities))


@pytest.mark.parametrize("constant", [0.0, 0.5, 1.0])
def test_a_constant_answer_is_no_record(constant: float) -> None:
    with pytest.raises(GoldenError, match="must differ"):
        GoldenAnswer.record(np.full((2, 64, 64), constant, np.float32))


def test_logits_are_no_record(probabilities: Probabilities) -> None:
    with pytest.raises(GoldenError, match="between 0 and 1"):
        GoldenAnswer.record(probabilities * 8.0 - 4.0)


@pytest.mark.parametrize("tolerance", [0.0, -1.0, 0.2, float("nan")])
def test_tolerance_has_bounds(probabilities: Probabilities, tolerance: float) -> None:
    with pytest.raises(GoldenError, match="tolerance"):
        GoldenAnswer.record(probabilities, tolerance=tolerance)


RECORD = {"probes": [index % 2 for index in range(2 * len(PROBES) ** 2)], "tolerance": 0.01}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "must be JSON"),
        ("[]", "must be an object with the keys"),
        (json.dumps({"probes": RECORD["probes"]}), "must be an object with the keys"),
        (json.dumps({**RECORD, "extra": 1}), "must be an object with the keys"),
        (json.dumps({**RECORD, "probes": ["a"]}), "must hold numbers"),
        (json.dumps({**RECORD, "probes": None}), "must hold numbers"),
        (json.dumps({**RECORD, "probes": [0.0, 1.0]}), "must be 128 probabilities"),
        (json.dumps({**RECORD, "probes": [2.0, *[0.0] * 127]}), "between 0 and 1"),
    ],
)
def test_refuses_a_damaged_record(text: str, complaint: str) -> None:
    with pytest.raises(GoldenError, match=complaint):
        GoldenAnswer.from_json(text)
    assert GoldenAnswer.from_json(json.dumps(RECORD)).tolerance == 0.01
