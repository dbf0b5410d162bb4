"""One attempt at one study: segment it, unless that is done, and deliver the segmentation."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from glioserve import Client, GlioserveError, InputFault
from glioserve.dicom import segment_study

from serving.dicom.metrics import Outcome
from serving.dicom.queue import Fault, StudyQueue
from serving.dicom.settings import DicomSettings
from serving.errors import ServingError

Segment = Callable[[Path, Path], None]
"""Segments the study in a folder into a file."""
Deliver = Callable[[Path], None]
"""Sends a segmentation."""


class Interrupted(Exception):
    """The node is stopping; the study stays as it is."""


def segment_with(client: Client, settings: DicomSettings) -> Segment:
    """Segmentation by a gateway."""

    def segment(study: Path, target: Path) -> None:
        segment_study(client, study, seg_path=target, timeout_s=settings.timeout_s)

    return segment


class StudyWork:
    """What is done with studies that are complete.

    Args:
        queue: Where they are.
        settings: Of the node.
        segment: Segments one.
        deliver: Sends a segmentation.
        stopping: Whether what fails now fails because the node is stopping.
    """

    def __init__(
        self,
        queue: StudyQueue,
        settings: DicomSettings,
        *,
        segment: Segment,
        deliver: Deliver,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._stopping = stopping
        self._queue = queue
        self._settings = settings
        self._segment = segment
        self._deliver = deliver

    def attempt(self, key: str) -> tuple[Outcome, Fault | None]:
        """One attempt.

        Args:
            key: Of the study.

        Returns:
            What came of it, and the fault where it failed.

        Raises:
            Interrupted: The node is stopping.
        """
        state = self._queue.state(key)
        try:
            done = self._segmented(key, state) and self._delivered(key)
        except Exception as error:  # noqa: BLE001 - whatever it is, the study is kept, and tried again or set aside
            if self._stopping():
                raise Interrupted from None
            fault = self._fault_of(key, error)
            if not self._queue.fail(key, fault, state=state):
                return Outcome.OUTDATED, None
            return (Outcome.SET_ASIDE if fault.set_aside else Outcome.RETRIED), fault
        return (Outcome.DELIVERED if done else Outcome.OUTDATED), None

    def _segmented(self, key: str, state: frozenset[tuple[str, int]]) -> bool:
        if self._queue.segmentation(key).exists():
            return True
        with self._queue.part() as part:
            self._segment(self._queue.images(key), part)
            return self._queue.keep(key, part, state=state)

    def _delivered(self, key: str) -> bool:
        self._deliver(self._queue.segmentation(key))
        return self._queue.finish(key)

    def _fault_of(self, key: str, error: Exception) -> Fault:
        """The study itself is at fault where the client or the server refuses it: another attempt would end alike."""
        before = self._queue.fault(key)
        attempts = 1 + (before.attempts if before else 0)
        known = isinstance(error, GlioserveError | ServingError)
        return Fault(
            kind=type(error).__name__,
            message=str(error) if known else "an error that nobody foresaw",
            attempts=attempts,
            set_aside=isinstance(error, InputFault) or attempts >= self._settings.attempts,
            retry_at_s=time.time() + self._settings.delay_s(attempts),
        )
