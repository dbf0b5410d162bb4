"""What became of each session."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from glioserve.bids.dataset import Session
from glioserve.documents import Document
from glioserve.errors import GlioserveError
from glioserve.results import SegmentationResult
from glioserve.version import __version__

SESSION_SCHEMA = "glioserve.bids-session/1"


class Outcome(StrEnum):
    """How a session ended."""

    DONE = "done"
    """Its derivatives were written."""
    SKIPPED = "skipped"
    """Its derivatives were there."""
    INCOMPLETE = "incomplete"
    """A contrast is missing; nothing was sent."""
    FAILED = "failed"
    """The exam was refused, or the server failed on it."""


@dataclass(frozen=True)
class SessionReport:
    """What became of one session.

    Args:
        session: Which.
        outcome: How it ended.
        result: What the server found; of sessions that are done.
        error: What stood in the way; of those that are incomplete or failed.
    """

    session: Session
    outcome: Outcome
    result: SegmentationResult | None = None
    error: GlioserveError | None = None

    @property
    def good(self) -> bool:
        """Whether the session has its derivatives."""
        return self.outcome in {Outcome.DONE, Outcome.SKIPPED}


def session_document(report: SessionReport) -> Document:
    """What stands on each line of `glioserve bids --json`."""
    result = report.result
    return {
        "schema": SESSION_SCHEMA,
        "subject": report.session.subject,
        "session": report.session.session or None,
        "outcome": report.outcome.value,
        "volumes_ml": None if result is None else {each.region.value: each.volume_ml for each in result.volumes},
        "warnings": [] if result is None else list(result.warnings),
        "notes": [] if result is None else list(result.notes),
        "error": None if report.error is None else {"type": type(report.error).__name__, "message": str(report.error)},
        "client": {"version": __version__},
    }
