from __future__ import annotations

import threading
from contextvars import ContextVar

import pytest

from imaging.pipeline.flight import fly

WAIT_S = 20.0


def nothing(*_: object) -> None:
    """For those who are told of nothing."""


def test_every_piece_is_worked_on_once_and_told_once():
    worked: list[int] = []
    told: list[int] = []
    fly(range(20), worked.append, in_flight=3, before=nothing, done=told.append)
    assert sorted(worked) == sorted(told) == list(range(20))


def test_as_many_as_allowed_are_in_flight_and_no_more():
    lock, together = threading.Lock(), threading.Barrier(3)
    now, most = 0, 0

    def work(_: int) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        together.wait(WAIT_S)  # breaks unless three are here at one time
        with lock:
            now -= 1

    fly(range(9), work, in_flight=3, before=nothing, done=nothing)
    assert most == 3


def test_what_is_cancelled_begins_nothing_more_and_leaves_nothing_behind():
    begun: list[int] = []
    finished: list[int] = []

    def work(piece: int) -> None:
        begun.append(piece)
        finished.append(piece)

    def before() -> None:
        if len(begun) >= 4:
            raise RuntimeError("not wanted")

    with pytest.raises(RuntimeError, match="not wanted"):
        fly(range(100), work, in_flight=2, before=before, done=nothing)
    assert begun == finished
    assert 4 <= len(begun) <= 5
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("flight")]


def test_a_piece_that_fails_ends_it_once_the_others_have_landed():
    landed: list[int] = []

    def work(piece: int) -> None:
        if piece == 2:
            raise ValueError("piece 2")
        landed.append(piece)

    with pytest.raises(ValueError, match="piece 2"):
        fly(range(50), work, in_flight=2, before=nothing, done=nothing)
    assert len(landed) < 10


def test_what_is_worked_on_knows_the_callers_context():
    variable: ContextVar[str] = ContextVar("variable", default="unset")
    variable.set("the caller's")
    seen: list[str] = []
    fly(range(3), lambda _: seen.append(variable.get()), in_flight=2, before=nothing, done=nothing)
    assert seen == ["the caller's"] * 3


def test_no_pieces_no_work():
    fly([], nothing, in_flight=2, before=lambda: pytest.fail("was asked"), done=nothing)
