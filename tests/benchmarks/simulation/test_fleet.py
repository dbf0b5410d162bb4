from __future__ import annotations

import numpy as np
import pytest

from benchmarks.simulation.demand import DAY_S, day_times, poisson_times
from benchmarks.simulation.fleet import simulate
from benchmarks.simulation.replica import Speeds
from benchmarks.simulation.scaling import Autoscaler, Scaling


def test_one_server_waits_as_the_formula_says() -> None:
    """Pollaczek and Khinchine, for a constant service of 1 s at a load of 0.7: a mean wait of 0.7 / (2 * 0.3) s."""
    rng = np.random.default_rng(0)
    arrivals = poisson_times(0.7, 60_000, rng)
    found = simulate(arrivals, np.ones(len(arrivals)), speeds=Speeds((1.0,)))
    assert found.latencies_s.mean() == pytest.approx(1 + 0.7 / 0.6, rel=0.05)


def test_shared_cores_wait_as_the_formula_says() -> None:
    """Processor sharing, whatever the distribution: mean latency = mean work / (1 - load), here 1 / (1 - 0.6)."""
    rng = np.random.default_rng(1)
    arrivals = poisson_times(0.6, 60_000, rng)
    work = rng.exponential(1.0, len(arrivals))
    found = simulate(arrivals, work, speeds=Speeds((1.0,) * 200))
    assert found.latencies_s.mean() == pytest.approx(2.5, rel=0.06)


def test_replicas_take_exams_in_turn() -> None:
    found = simulate([0.0, 0.0, 0.0], [1.0, 1.0, 1.0], speeds=Speeds((1.0,)), replicas=3)
    np.testing.assert_allclose(found.latencies_s, 1.0)
    assert found.replica_s == pytest.approx(3.0)


def test_a_fleet_grows_under_load_and_shrinks_after_it_losing_nothing() -> None:
    burst = np.linspace(0.0, 600.0, 1200)  # two exams in a second, of 2 s each: four replicas are busy
    tail = np.linspace(700.0, 5000.0, 20)
    arrivals = np.concatenate([burst, tail])
    scaling = Scaling(target=2.0, most=20, start_s=60.0, calm_s=120.0)
    found = simulate(arrivals, np.full(len(arrivals), 2.0), speeds=Speeds((1.0,)), scaling=scaling)
    assert 4 <= found.most_replicas <= 20
    assert (found.latencies_s >= 2.0 - 1e-9).all()
    assert found.latencies_s[-10:].max() == pytest.approx(2.0)
    assert found.replica_s < 0.5 * found.most_replicas * arrivals[-1]


def test_new_replicas_take_their_time() -> None:
    """Until the first of them starts, one replica is as slow as alone."""
    arrivals = np.linspace(0.0, 50.0, 100)
    scaling = Scaling(target=1.0, most=10, start_s=1000.0)
    scaled = simulate(arrivals, np.ones(100), speeds=Speeds((1.0,)), scaling=scaling)
    alone = simulate(arrivals, np.ones(100), speeds=Speeds((1.0,)))
    np.testing.assert_allclose(scaled.latencies_s, alone.latencies_s)


def test_the_autoscaler_goes_up_at_once_and_down_after_the_calm() -> None:
    autoscaler = Autoscaler(Scaling(target=2.0, least=1, most=5, calm_s=100.0))
    assert autoscaler.wanted(0.0, held=7, replicas=1) == 4
    assert autoscaler.wanted(15.0, held=99, replicas=4) == 5
    assert autoscaler.wanted(30.0, held=1, replicas=5) == 5
    assert autoscaler.wanted(110.0, held=1, replicas=5) == 5
    assert autoscaler.wanted(130.0, held=1, replicas=5) == 1


@pytest.mark.parametrize(
    "wrong", [{"target": 0.0}, {"target": 1.0, "least": 3, "most": 2}, {"target": 1.0, "start_s": -1}]
)
def test_impossible_rules_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="scaling must"):
        Scaling(**wrong)  # type: ignore[arg-type]


def test_a_day_has_its_exams_most_of_them_by_day() -> None:
    times = day_times(10_000, np.random.default_rng(2))
    assert len(times) == 10_000
    assert (np.diff(times) >= 0).all()
    assert 0 <= times[0] < times[-1] < DAY_S
    by_day = np.count_nonzero((times > 8 * 3600) & (times < 18 * 3600))
    assert by_day > 0.7 * len(times)
