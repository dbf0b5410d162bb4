"""Session after session: what is there is skipped, what can't be done is told, the others go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from glioserve.bids.choice import choose_images
from glioserve.bids.dataset import Dataset, Session
from glioserve.bids.derivatives import Derivatives
from glioserve.bids.outcome import Outcome, SessionReport
from glioserve.errors import (
    AccessDeniedError,
    CancelledError,
    IncompatibleServerError,
    InputFault,
    MissingModalityError,
    ServerError,
    ServerUnavailableError,
)
from glioserve.exam_files import Case
from glioserve.render.ahead import ReadAhead
from glioserve.results import SegmentationResult

ENDS_ALL = (AccessDeniedError, CancelledError, IncompatibleServerError, ServerUnavailableError)
"""Faults of the server that every further session would meet too."""

Segment = Callable[[Session, Case], SegmentationResult]


def segment_sessions(
    dataset: Dataset, sessions: Sequence[Session], derivatives: Derivatives, segment: Segment
) -> Iterator[SessionReport]:
    """Segments sessions one after the other. Each is finished, or not begun, whenever this is stopped.

    Args:
        dataset: Where the images are.
        sessions: Which; see `Dataset.sessions`.
        derivatives: Where the results go.
        segment: Makes one of a session's four files, e.g. by `Client.segment` with a label scheme and an output grid
            that are those of the derivatives.

    Yields:
        What became of each session, as soon as it is known.

    Raises:
        ServerError: One of `ENDS_ALL`; further sessions are not tried.
        OutputError: A result can't be written.
    """
    for session in sessions:
        if derivatives.finished(session):
            yield SessionReport(session, Outcome.SKIPPED)
            continue
        try:
            chosen = choose_images(dataset, session)
            with ReadAhead(chosen.case) as ahead:
                result = segment(session, chosen.case)
                derivatives.write(session, chosen, result, ahead)
        except MissingModalityError as error:
            yield SessionReport(session, Outcome.INCOMPLETE, error=error)
        except ENDS_ALL:
            raise
        except (InputFault, ServerError) as error:
            yield SessionReport(session, Outcome.FAILED, error=error)
        else:
            yield SessionReport(session, Outcome.DONE, result)
