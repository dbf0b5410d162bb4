"""A Triton alone in the foreground, as a container runs it: until a signal, or until it ends by itself."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from serving.errors import TritonStartError
from serving.triton.launcher import TritonServer

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_LOOK_S = 3600.0


class _Stopped(BaseException):
    """A signal said stop."""


def run_in_foreground(server: TritonServer, *, on_ready: Callable[[], None]) -> None:
    """Run a Triton until SIGTERM or SIGINT, then let its running calls end. A second signal ends the process at once.

    It is not started again when it ends by itself: whatever runs this process restarts it, and so knows of it.
    To be called in the main thread.

    Args:
        server: Which; not started yet.
        on_ready: Told when every model has given its golden answer.

    Raises:
        ServingError: It could not be started; see `TritonServer.start`.
        TritonStartError: It ended by itself.
    """
    try:
        with _signals_raise(), server:
            on_ready()
            while not server.wait(_LOOK_S):
                pass
    except _Stopped:
        return
    raise TritonStartError("triton", "must run until it is told to stop", "its end", log_tail=server.log_tail())


@contextmanager
def _signals_raise() -> Iterator[None]:
    """Turns the first signal into `_Stopped`; the next one acts as it does without us."""
    before = {each: signal.getsignal(each) for each in _STOP_SIGNALS}

    def stop(_number: int, _frame: FrameType | None) -> NoReturn:
        for each in _STOP_SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        raise _Stopped

    for each in _STOP_SIGNALS:
        signal.signal(each, stop)
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
