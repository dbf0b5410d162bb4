"""Signals as the system sends them, to processes of their own."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from serving.batch.signals import STOP_SIGNALS, stopped_by_signals

PROGRAM = """
import os, signal, threading, time
from serving.batch.signals import stopped_by_signals

def act():
    time.sleep(0.3)  # by then the main thread waits
    {act}

with stopped_by_signals() as stop:
    threading.Thread(target=act).start()
    stop.wait()
print(stop.signal.name, stop.exit_code)
"""


def told_by(act: str) -> str:
    """What a program says that was told to end in this way."""
    command = [sys.executable, "-c", PROGRAM.format(act=act)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_a_signal_ends_the_wait(number: signal.Signals) -> None:
    assert told_by(f"os.kill(os.getpid(), {int(number)})") == f"{number.name} {128 + number}\n"


def test_a_signal_that_another_thread_gets_ends_the_wait() -> None:
    """The main thread is not woken by it, and no one else may run what handles it."""
    assert told_by("signal.pthread_kill(threading.get_ident(), signal.SIGTERM)") == "SIGTERM 143\n"


def test_the_second_signal_acts_as_it_does_without_us() -> None:
    twice = "os.kill(os.getpid(), signal.SIGTERM); time.sleep(0.5); os.kill(os.getpid(), signal.SIGTERM); time.sleep(9)"
    command = [sys.executable, "-c", PROGRAM.format(act=twice)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    assert done.returncode == -signal.SIGTERM


def test_handlers_are_put_back() -> None:
    before = {each: signal.getsignal(each) for each in STOP_SIGNALS}
    with stopped_by_signals():
        assert all(signal.getsignal(each) is not before[each] for each in STOP_SIGNALS)
    assert {each: signal.getsignal(each) for each in STOP_SIGNALS} == before
