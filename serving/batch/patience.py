"""Waits for an engine that comes back: a Triton that is restarted, a full queue, a network that breaks."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from imaging.brainmap.draw import Painter
from imaging.modality import Modality
from serving.errors import EngineBusyError, EngineDeadlineError, EngineUnavailableError

Result = TypeVar("Result")

TRANSIENT = (EngineUnavailableError, EngineBusyError, EngineDeadlineError)
"""Faults after which the same call may succeed."""

_log = logging.getLogger(__name__)


class StoppedError(Exception):
    """The process was told to end. No fault of anything."""


@dataclass(frozen=True)
class Patience:
    """For how long, and at what pace, a call is tried again.

    Args:
        total_s: Seconds from a call's first failure until it is given up.
        first_s: The first pause; the next ones double.
        longest_s: The longest pause.
        stopping: Ends a pause, and all trying, once it is set.
    """

    stopping: threading.Event
    total_s: float = 300.0
    first_s: float = 0.5
    longest_s: float = 15.0

    def call(self, call: Callable[[], Result]) -> Result:
        """What the call returns, once it does.

        Raises:
            StoppedError: `stopping` is set.
            ServingError: As the call raised it, at once where it is not transient, or else when the time is over.
        """
        pause_s, deadline = self.first_s, None
        while True:
            self.check()
            try:
                return call()
            except TRANSIENT as fault:
                now = time.monotonic()
                deadline = now + self.total_s if deadline is None else deadline
                if now + pause_s > deadline:
                    raise
                _log.warning("engine.waited_for", extra={"fault": fault.kind, "pause_s": pause_s})
            self.stopping.wait(pause_s)
            pause_s = min(2 * pause_s, self.longest_s)

    def check(self) -> None:
        """Go on unless the process was told to end.

        Raises:
            StoppedError: It was.
        """
        if self.stopping.is_set():
            raise StoppedError


class PatientPainter:
    """A painter that waits for its engine. Implements `imaging.brainmap.draw.Painter`.

    Only the slices of the call that failed are drawn again: nothing that was made is lost.

    Args:
        painter: What draws.
        patience: For how long.
    """

    def __init__(self, painter: Painter, patience: Patience) -> None:
        self.multiple = painter.multiple
        self._painter = painter
        self._patience = patience

    def paint(
        self, bands: Mapping[Modality, npt.NDArray[np.uint8]], lesion: npt.NDArray[np.uint8]
    ) -> Mapping[Modality, npt.NDArray[np.float32]]:
        """As of the painter.

        Raises:
            StoppedError: The process was told to end.
            ServingError: The engine did not come back, or failed otherwise.
        """
        return self._patience.call(lambda: self._painter.paint(bands, lesion))
