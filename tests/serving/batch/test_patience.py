"""Waiting for an engine that is away."""

from __future__ import annotations

import threading
import time

import pytest

from serving.batch.patience import Patience, StoppedError
from serving.errors import (
    EngineAnswerError,
    EngineBusyError,
    EngineDeadlineError,
    EngineUnavailableError,
    ServingError,
)


class Flaky:
    """Fails so many times."""

    def __init__(self, *faults: ServingError) -> None:
        self.faults = list(faults)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.faults:
            raise self.faults.pop(0)
        return "drawn"


def patience(**options: float) -> Patience:
    return Patience(threading.Event(), **({"total_s": 60.0, "first_s": 0.0} | options))


def test_what_may_pass_is_waited_for() -> None:
    call = Flaky(
        EngineUnavailableError("triton", "must answer", "nothing"),
        EngineBusyError("m", "must have room", "none"),
        EngineDeadlineError("m", "must answer in time", "nothing"),
    )
    assert (patience().call(call), call.calls) == ("drawn", 4)


def test_what_does_not_pass_is_raised_at_once() -> None:
    call = Flaky(EngineAnswerError("m", "must run", "an error"))
    with pytest.raises(EngineAnswerError):
        patience().call(call)
    assert call.calls == 1


def test_pauses_double_up_to_the_longest_and_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    now, pauses = [0.0], []
    stopping = threading.Event()

    def wait(pause_s: float) -> bool:
        pauses.append(pause_s)
        now[0] += pause_s
        return False

    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(stopping, "wait", wait)
    call = Flaky(*[EngineUnavailableError("triton", "must answer", "nothing")] * 100)
    with pytest.raises(EngineUnavailableError):
        Patience(stopping, total_s=10.0, first_s=1.0, longest_s=3.0).call(call)
    assert pauses == [1.0, 2.0, 3.0, 3.0]


def test_being_told_to_end_ends_a_pause() -> None:
    stopping = threading.Event()

    def call() -> None:
        stopping.set()
        raise EngineUnavailableError("triton", "must answer", "nothing")

    with pytest.raises(StoppedError):
        Patience(stopping, total_s=10_000.0, first_s=5_000.0).call(call)
