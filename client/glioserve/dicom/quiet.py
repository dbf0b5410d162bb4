"""Silence for libraries that would print parts of a patient's header as a warning."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from pydicom import config

_LIBRARIES = ("pydicom", "highdicom")


class _Silence:
    """What is set for the whole process while at least one thread asks for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._askers = 0
        self._before = ExitStack()

    def begin(self) -> None:
        with self._lock:
            if self._askers == 0:
                with ExitStack() as stack:
                    stack.enter_context(warnings.catch_warnings())
                    stack.enter_context(config.disable_value_validation())
                    warnings.filterwarnings("ignore", module="|".join(_LIBRARIES))
                    for logger in map(logging.getLogger, _LIBRARIES):
                        stack.callback(logger.setLevel, logger.level)
                        logger.setLevel(logging.CRITICAL)
                    self._before = stack.pop_all()
            self._askers += 1

    def end(self) -> None:
        with self._lock:
            self._askers -= 1
            if self._askers == 0:
                self._before.close()


_SILENCE = _Silence()


@contextmanager
def quiet() -> Iterator[None]:
    """Values that break the standard are read as they are, in silence: warnings of the libraries cite them."""
    _SILENCE.begin()
    try:
        yield
    finally:
        _SILENCE.end()
