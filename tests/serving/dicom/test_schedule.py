"""When a study counts as complete."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.dicom.schedule import Schedule


def test_a_quiet_study_is_due() -> None:
    schedule = Schedule(quiet_s=60, release_s=10)
    assert schedule.wait_s(0) is None
    schedule.arrived("a", 1, 0)
    schedule.arrived("a", 1, 30)
    assert (schedule.take(89), schedule.wait_s(80)) == (None, 10)
    assert (schedule.take(90), schedule.take(1000)) == ("a", None)


def test_a_release_makes_it_due_sooner_but_not_while_others_send() -> None:
    schedule = Schedule(quiet_s=60, release_s=10)
    schedule.arrived("a", 1, 0)
    schedule.arrived("a", 2, 0)
    schedule.ended(1, 5, released=True)
    assert schedule.wait_s(5) == 55
    schedule.ended(2, 6, released=True)
    assert schedule.wait_s(6) == 10
    schedule.ended(2, 7, released=False)
    assert schedule.wait_s(6) == 10, "the connection of an association that was released closes afterwards"


def test_a_release_never_makes_it_due_later() -> None:
    schedule = Schedule(quiet_s=5, release_s=10)
    schedule.arrived("a", 1, 0)
    schedule.ended(1, 1, released=True)
    assert schedule.wait_s(1) == 4


def test_an_association_that_broke_may_come_again() -> None:
    schedule = Schedule(quiet_s=60, release_s=10)
    schedule.arrived("a", 1, 0)
    schedule.ended(1, 1, released=False)
    assert schedule.wait_s(1) == 59


def test_a_later_attempt_does_not_outrun_new_images() -> None:
    schedule = Schedule(quiet_s=60, release_s=10)
    schedule.at("b", 5)
    schedule.arrived("a", 1, 0)
    schedule.at("a", 1)
    assert [schedule.take(100), schedule.take(100), schedule.take(100)] == ["b", "a", None]
    schedule.ended(1, 100, released=True)
    assert len(schedule) == 0, "a study that is in work is not scheduled by a release"


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.floats(0, 100)), min_size=1))
def test_every_study_is_taken_once_and_in_time(arrivals: list[tuple[str, int, float]]) -> None:
    schedule = Schedule(quiet_s=60, release_s=10)
    now = 0.0
    last: dict[str, float] = {}
    for key, association, later in arrivals:
        now += later
        schedule.arrived(key, association, now)
        last[key] = now
    end = now
    taken = {}
    while (wait := schedule.wait_s(now)) is not None:
        now += wait
        key = schedule.take(now)
        assert key is not None
        assert key not in taken
        taken[key] = now
    assert taken == pytest.approx({key: max(end, at + 60) for key, at in last.items()})
