"""Signals as the system sends them, to this process: pytest's main thread is the one that waits."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

import pytest

from serving.batch.signals import STOP_SIGNALS, stopped_by_signals

pytestmark = pytest.mark.timeout(30)


def after_a_while(act: Callable[[], object]) -> threading.Thread:
    def run() -> None:
        time.sleep(0.3)  # by then the main thread waits
        act()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_a_signal_ends_the_wait(number: signal.Signals) -> None:
    with stopped_by_signals() as stop:
        thread = after_a_while(lambda: os.kill(os.getpid(), number))
        stop.wait()
    thread.join()
    assert stop.signal is number
    assert stop.exit_code == 128 + number


def test_a_signal_that_another_thread_gets_ends_the_wait() -> None:
    """The main thread is not woken by it, and no one else may run what handles it."""
    with stopped_by_signals() as stop:
        thread = after_a_while(lambda: signal.pthread_kill(threading.get_ident(), signal.SIGTERM))
        stop.wait()
    thread.join()
    assert stop.signal is signal.SIGTERM


def test_handlers_are_put_back() -> None:
    before = {each: signal.getsignal(each) for each in STOP_SIGNALS}
    with stopped_by_signals():
        assert all(signal.getsignal(each) is not before[each] for each in STOP_SIGNALS)
    assert {each: signal.getsignal(each) for each in STOP_SIGNALS} == before
