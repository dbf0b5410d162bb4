from __future__ import annotations

import pytest

from benchmarks.simulation.replica import Replica, Speeds


def run(speeds: Speeds, exams: list[tuple[float, float]]) -> list[float]:
    """When each of these exams, of an arrival and of work, is done."""
    replica, ends = Replica(speeds), [0.0] * len(exams)
    waiting = list(enumerate(exams))
    while waiting or replica.held:
        end_s = replica.next_end_s
        if waiting and (end_s is None or waiting[0][1][0] <= end_s):
            exam, (now_s, work_s) = waiting.pop(0)
            replica.arrive(now_s, exam, work_s)
        elif end_s is not None:
            ends[replica.end(end_s)] = end_s
    return ends


def test_alone_an_exam_takes_its_work() -> None:
    assert run(Speeds((1.0, 1.5)), [(10.0, 4.0)]) == [14.0]


def test_two_share_what_they_do_together() -> None:
    # Both run at 0.75: the shorter is done after 4 s, the longer has 3 s of work left and is alone then.
    assert run(Speeds((1.0, 1.5)), [(0.0, 3.0), (0.0, 6.0)]) == [4.0, 7.0]


def test_who_finds_no_worker_waits_in_turn() -> None:
    assert run(Speeds((1.0,)), [(0.0, 2.0), (0.5, 1.0), (0.6, 1.0)]) == [2.0, 3.0, 4.0]


def test_an_idle_replica_gains_no_time() -> None:
    assert run(Speeds((1.0, 2.0)), [(0.0, 1.0), (5.0, 1.0)]) == [1.0, 6.0]


@pytest.mark.parametrize("together", [(), (2.0,), (1.0, 0.0)])
def test_impossible_speeds_are_refused(together: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="speeds must"):
        Speeds(together)
