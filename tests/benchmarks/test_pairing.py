"""Ways go by turns, and their times are told apart."""

import pytest

from benchmarks.pairing import Rounds, Spread, by_turns, clocked


def test_each_round_begins_with_another_way():
    ran = []

    def way(name):
        return lambda: ran.append(name) or 1.0

    by_turns({name: way(name) for name in "abc"}, rounds=3, warm_ups=1)
    assert "".join(ran) == "abc" + "abc" + "bca" + "cab"


def test_warm_ups_are_not_counted():
    seconds = iter([9.0, 1.0, 2.0])
    assert by_turns({"a": lambda: next(seconds)}, rounds=2, warm_ups=1).seconds == {"a": [1.0, 2.0]}


def test_a_ratio_is_taken_pair_by_pair():
    rounds = Rounds({"slow": [2.0, 30.0, 4.0], "fast": [1.0, 10.0, 1.0]})
    assert rounds.ratio("slow", "fast") == Spread(median=3.0, least=2.0, greatest=4.0)
    assert rounds.spread("slow") == Spread(4.0, 2.0, 30.0)


def test_a_spread_is_one_text():
    assert Spread.of([1.0, 2.0, 4.0]).text(1) == "2.0 (1.0 to 4.0)"


def test_a_clocked_call_is_timed(monkeypatch):
    now = iter([5.0, 7.5])
    monkeypatch.setattr("benchmarks.pairing.time.perf_counter", lambda: next(now))
    called = []
    assert clocked(lambda: called.append(1))() == pytest.approx(2.5)
    assert called == [1]
