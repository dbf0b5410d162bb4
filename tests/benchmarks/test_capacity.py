from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest

from benchmarks import capacity
from benchmarks.capacity import Calibration, Check, the_record
from benchmarks.simulation.fleet import simulate
from benchmarks.simulation.replica import Speeds

CALIBRATION = Calibration((2.0, 3.0), Speeds((1.0, 1.25)))


def test_capacity_is_what_all_workers_do_together() -> None:
    assert CALIBRATION.capacity_per_s == pytest.approx(0.5)


def a_check(load: float, *, slower: float) -> Check:
    arrivals, work = np.arange(20.0) * 4, np.full(20, 2.5)
    predicted = simulate(arrivals, work, speeds=CALIBRATION.speeds)
    return Check(load, predicted.latencies_s * slower, predicted)


def test_a_prediction_that_is_too_far_off_is_told_as_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "DAYS", (50, 500))
    checks = [a_check(0.4, slower=1.1), a_check(0.9, slower=1.5)]
    arguments = argparse.Namespace(exams=20, workers=2, price=0.1, results=Path())
    record = the_record(arguments, "2 phantoms", CALIBRATION, checks, np.random.default_rng(0))
    assert [claim.met for claim in record.claims] == [True, False]
    assert [claim.reached for claim in record.claims] == ["-9%", "-33%"]
    days = record.tables[1]
    assert [row[0] for row in days.rows] == ["50", "500"]
    assert float(days.rows[0][6]) == pytest.approx(0.1 * 24, rel=0.05)
