"""The stream of answers of one segmentation, taken in one by one."""

from __future__ import annotations

from glioserve.core import decode
from glioserve.core.plan import SegmentPlan
from glioserve.errors import ProtocolError
from glioserve.progress import OnPartial, OnProgress, Progress, Queued
from glioserve.results import SegmentationResult
from glioserve.v1 import segmentation_pb2


class SegmentFold:
    """Takes the answers in order, tells of progress, and ends with the result.

    Args:
        plan: What was asked for.
        on_progress: Called for each place in the queue and each advance.
        on_partial: Called for each region that is known early.
    """

    def __init__(self, plan: SegmentPlan, *, on_progress: OnProgress | None, on_partial: OnPartial | None) -> None:
        self._plan = plan
        self._on_progress = on_progress
        self._on_partial = on_partial
        self._result: segmentation_pb2.SegmentResult | None = None
        self._mask = bytearray()

    def feed(self, response: segmentation_pb2.SegmentResponse) -> None:
        """Takes the next answer.

        Raises:
            ProtocolError: It comes at the wrong place, or is of an unknown kind.
        """
        part = response.WhichOneof("part")
        if part == "mask_chunk":
            self._add_to_mask(response.mask_chunk.data)
            return
        if self._result is not None:
            raise ProtocolError("the server goes on after the result")
        if part == "result":
            self._result = response.result
        elif part == "queued":
            self._tell(Queued(response.queued.position))
        elif part == "progress":
            self._tell(Progress(response.progress.stage, response.progress.done, response.progress.total))
        elif part == "partial":
            volume = decode.region_volume(response.partial.volume)
            if self._on_partial is not None:
                self._on_partial(volume)
        # A part of no kind is one that a later minor version of the contract added: it can be skipped by design.

    def finish(self) -> SegmentationResult:
        """The result, when the stream has ended without an error.

        Raises:
            ProtocolError: The stream ended early, or the result is not what was asked for.
            LocalInputError: See `decode.segmentation`.
        """
        if self._result is None:
            raise ProtocolError("the server ended the call without a result")
        if len(self._mask) != self._result.mask_size_bytes:
            raise ProtocolError(
                f"the server sent {len(self._mask)} bytes of the label map, {self._result.mask_size_bytes} announced"
            )
        return decode.segmentation(self._result, bytes(self._mask), self._plan)

    def _tell(self, event: Queued | Progress) -> None:
        if self._on_progress is not None:
            self._on_progress(event)

    def _add_to_mask(self, data: bytes) -> None:
        if self._result is None:
            raise ProtocolError("the server sends the label map before the result")
        if len(self._mask) + len(data) > self._result.mask_size_bytes:
            raise ProtocolError(f"the server sends more than the {self._result.mask_size_bytes} bytes announced")
        self._mask += data
