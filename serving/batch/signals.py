"""How a process is told to end."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_LOOKS_UP_S = 0.2


@dataclass
class Stop:
    """Whether, and how, the process was told to end."""

    event: threading.Event = field(default_factory=threading.Event)
    signal: signal.Signals = signal.SIGTERM

    @property
    def exit_code(self) -> int:
        """What a process that a signal ended is known by: 143 for SIGTERM, 130 for SIGINT."""
        return 128 + self.signal

    def wait(self) -> None:
        """Wait, in the main thread, until the process is told to end.

        It looks up now and then: a signal that the system hands to another thread does not wake this one, which alone
        may act on it. And it asks without the event's lock, which what handles the signal needs.
        """
        while not self.event.is_set():
            time.sleep(_LOOKS_UP_S)


@contextmanager
def stopped_by_signals() -> Iterator[Stop]:
    """A stop that the first SIGTERM or SIGINT sets; the next one acts as it does without us. For the main thread."""
    stop = Stop()
    before = {each: signal.getsignal(each) for each in STOP_SIGNALS}

    def restore() -> None:
        for each, handler in before.items():
            signal.signal(each, handler)

    def on_signal(number: int, _: FrameType | None) -> None:
        stop.signal = signal.Signals(number)
        stop.event.set()
        restore()

    for each in STOP_SIGNALS:
        signal.signal(each, on_signal)
    try:
        yield stop
    finally:
        restore()
