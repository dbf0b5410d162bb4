"""Tells people how far a share is, and for how long it will take."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from serving.batch.worker import Progress

_log = logging.getLogger(__name__)


@contextmanager
def shown_progress(cases: int) -> Iterator[Progress]:
    """A bar with the time left on a terminal, log lines elsewhere; both on standard error.

    Args:
        cases: How many the share has.
    """
    if not sys.stderr.isatty():
        yield _Lines(cases).tell
        return
    with typer.progressbar(length=cases, label="cases", show_pos=True, file=sys.stderr) as bar:
        yield lambda tried: bar.update(tried - bar.pos)


class _Lines:
    """A line for each step."""

    def __init__(self, cases: int) -> None:
        self._cases = cases
        self._last: int | None = None

    def tell(self, tried: int) -> None:
        """Tell it, if it is news."""
        if tried != self._last:
            self._last = tried
            _log.info("cohort.progress", extra={"tried": tried, "cases": self._cases})
