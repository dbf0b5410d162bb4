"""How long a call may take in all, and when it is tried again."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from glioserve.errors import (
    DeadlineError,
    GlioserveError,
    LocalInputError,
    ServerBusyError,
    ServerUnavailableError,
)
from glioserve.limits import checked_timeout_s

Answer = TypeVar("Answer")

JITTER = 0.25
"""Up to this share is added to a retry hint, so that callers who were refused together do not come back together."""
FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 10.0
"""Between them lies the pause before a server that is away is tried again; it doubles each time."""


class Attempts:
    """The time and the retries that one call has.

    Args:
        timeout_s: For everything: upload, queue, work, waiting between attempts.
        retries: How often the call is made again after the server was busy or away.

    Raises:
        LocalInputError: One of them is out of range.
    """

    def __init__(self, *, timeout_s: float, retries: int = 0) -> None:
        if retries < 0:
            raise LocalInputError("retries", "must be at least 0", f"{retries}")
        self._ends = time.monotonic() + checked_timeout_s(timeout_s)
        self._retries_left = retries
        self._backoff_s = FIRST_BACKOFF_S

    def remaining_s(self) -> float:
        """Seconds until the time is over.

        Raises:
            DeadlineError: It is over.
        """
        remaining_s = self._ends - time.monotonic()
        if remaining_s <= 0:
            raise DeadlineError("the time allowed for the call is over")
        return remaining_s

    def wait_s(self, error: GlioserveError) -> float:
        """Seconds to wait before the next attempt.

        Args:
            error: Why the last one failed.

        Raises:
            GlioserveError: This error again, when it is neither the server being busy, with a hint when to ask again,
                nor the server being away; when no retry is left, or the time would be over before the next attempt.
        """
        hint_s = self._hint_s(error)
        if hint_s is None or not self._retries_left:
            raise error
        wait_s = hint_s * (1 + JITTER * random.random())  # noqa: S311 - spreads load, keeps no secret
        if wait_s >= self.remaining_s():
            raise error
        self._retries_left -= 1
        return wait_s

    def _hint_s(self, error: GlioserveError) -> float | None:
        """When to try again: as the server says, or later each time where none is there to say it; None for never."""
        if isinstance(error, ServerBusyError) or (
            isinstance(error, ServerUnavailableError) and error.retry_after_s is not None
        ):
            return error.retry_after_s
        if not isinstance(error, ServerUnavailableError):
            return None
        backoff_s = self._backoff_s
        self._backoff_s = min(2 * backoff_s, LONGEST_BACKOFF_S)
        return backoff_s

    def run(self, once: Callable[[float], Answer]) -> Answer:
        """The answer of the first attempt that succeeds.

        Args:
            once: One attempt, given the seconds that are left.

        Raises:
            GlioserveError: Of the last attempt.
        """
        while True:
            try:
                return once(self.remaining_s())
            except GlioserveError as error:
                wait_s = self.wait_s(error)
            time.sleep(wait_s)

    async def run_async(self, once: Callable[[float], Awaitable[Answer]]) -> Answer:
        """As `run`, for attempts that are awaited."""
        while True:
            try:
                return await once(self.remaining_s())
            except GlioserveError as error:
                wait_s = self.wait_s(error)
            await asyncio.sleep(wait_s)
