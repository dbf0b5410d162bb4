"""One flag that ends a call's work, from whichever side."""

from __future__ import annotations

import threading
import time

from imaging.errors import PipelineCancelledError


class Cancellation:
    """Set by the event loop, checked by the worker thread between micro-batches.

    Args:
        time_left_s: Seconds until the call's deadline.
    """

    def __init__(self, time_left_s: float) -> None:
        self._deadline = time.monotonic() + time_left_s
        self._cancelled = threading.Event()
        self.reason: Exception | None = None
        """Why it was cancelled; None as long as it was not, or if just its deadline has passed."""

    @property
    def time_left_s(self) -> float:
        """Seconds until the deadline, at least 0."""
        return max(0.0, self._deadline - time.monotonic())

    def cancel(self, reason: Exception) -> None:
        """End the work at its next check; the first reason stays."""
        if not self._cancelled.is_set():
            self.reason = reason
            self._cancelled.set()

    def check(self) -> None:
        """Go on, or stop here.

        Raises:
            PipelineCancelledError: The work was cancelled, or its deadline has passed.
        """
        if not self.time_left_s or self._cancelled.is_set():
            raise PipelineCancelledError
