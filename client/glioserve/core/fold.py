"""The stream of answers of one segmentation, taken in one by one."""

from __future__ import annotations

from glioserve.core import decode
from glioserve.core.plan import SegmentPlan
from glioserve.errors import ProtocolError
from glioserve.progress import OnPartial, OnProgress, Progress, Queued
from glioserve.results import SegmentationResult
from glioserve.v1 import segmentation_pb2, types_pb2

_FILES = ("label map", "brain mask")
"""What follows the result, by the number of a chunk's file."""


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
        self._files = (bytearray(), bytearray())

    def feed(self, response: segmentation_pb2.SegmentResponse) -> None:
        """Takes the next answer.

        Raises:
            ProtocolError: It comes at the wrong place, or is of an unknown kind.
        """
        part = response.WhichOneof("part")
        if part == "mask_chunk":
            self._add(response.mask_chunk)
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
        for name, file, announced in zip(_FILES, self._files, self._announced(self._result), strict=True):
            if len(file) != announced:
                raise ProtocolError(f"the server sent {len(file)} bytes of the {name}, {announced} announced")
        label_map, brain_mask = self._files
        return decode.segmentation(self._result, bytes(label_map), bytes(brain_mask), self._plan)

    def _tell(self, event: Queued | Progress) -> None:
        if self._on_progress is not None:
            self._on_progress(event)

    def _add(self, chunk: types_pb2.Chunk) -> None:
        if self._result is None:
            raise ProtocolError("the server sends the label map before the result")
        if chunk.file >= len(_FILES):
            raise ProtocolError(f"the server sends a file {chunk.file}, {len(_FILES)} are known")
        file, announced = self._files[chunk.file], self._announced(self._result)[chunk.file]
        if len(file) + len(chunk.data) > announced:
            raise ProtocolError(
                f"the server sends more than the {announced} bytes announced of the {_FILES[chunk.file]}"
            )
        file += chunk.data

    @staticmethod
    def _announced(result: segmentation_pb2.SegmentResult) -> tuple[int, int]:
        return result.mask_size_bytes, result.brain_mask_size_bytes
