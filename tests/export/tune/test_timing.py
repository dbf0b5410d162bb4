from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from export.errors import TuneError
from export.tune.ledger import Ledger, key_of
from export.tune.timing import Times, fastest, time_by_turns


def test_candidates_run_by_turns_and_each_round_begins_with_another(tmp_path: Path) -> None:
    ran: list[str] = []
    runs = {name: partial(ran.append, name) for name in "abc"}
    times = time_by_turns(runs, rounds=3, ledger=Ledger(tmp_path / "ledger"), context="x")
    assert "".join(ran) == "abc" + "abc" + "bca" + "cab"
    assert {name: len(one.seconds) for name, one in times.items()} == {"a": 3, "b": 3, "c": 3}


def test_a_search_that_was_stopped_runs_only_the_rounds_that_are_missing(tmp_path: Path) -> None:
    ran: list[str] = []
    runs = {name: partial(ran.append, name) for name in "ab"}
    first = time_by_turns(runs, rounds=2, ledger=Ledger(tmp_path / "ledger"), context="x")
    ran.clear()
    again = time_by_turns(runs, rounds=2, ledger=Ledger(tmp_path / "ledger"), context="x")
    assert again == first
    assert ran == []
    time_by_turns(runs, rounds=3, ledger=Ledger(tmp_path / "ledger"), context="x")
    assert "".join(ran) == "ab" + "ab"
    ran.clear()
    time_by_turns(runs, rounds=1, ledger=Ledger(tmp_path / "ledger"), context="another machine")
    assert "".join(ran) == "ab" + "ab"


def test_speed_is_the_median_of_ratios_within_rounds() -> None:
    slow, quick = Times((2.0, 20.0, 4.0)), Times((1.0, 5.0, 4.0))
    assert slow.speedup_of(quick) == 2.0
    assert slow.median_s == 4.0
    assert slow.spread_s == 18.0


def test_of_equally_fast_candidates_the_first_is_taken() -> None:
    times = {"plain": Times((1.01,)), "other": Times((1.0,)), "slow": Times((2.0,))}
    assert fastest(times, ["plain", "other", "slow"]) == "plain"
    assert fastest(times, ["slow", "other"]) == "other"


def test_no_round_is_no_time() -> None:
    with pytest.raises(TuneError, match="at least one round"):
        Times(())


def test_a_ledger_remembers_and_passes_over_a_line_that_was_cut_short(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "ledger"
    Ledger(file).put("one", {"et": 0.5})
    with file.open("a") as stream:
        stream.write('{"key": "two", "fou')
    ledger = Ledger(file)
    assert ledger.get("one") == {"et": 0.5}
    assert ledger.get("two") is None
    ledger.put("two", [1.5])


def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "ledger"
    file.write_text("patients\n")
    with pytest.raises(TuneError, match="ledger: must be as it was written"):
        Ledger(file)


def test_keys_tell_their_parts_apart_and_show_none() -> None:
    assert key_of("a", "b") != key_of("ab", "")
    assert "patient" not in key_of("patient")
