"""The faults that the gateway itself finds. Input faults are `ImagingError`s, as those of the pipeline are."""

from __future__ import annotations

from imaging.errors import ImagingError
from serving.errors import Cause, ServingError


class OrderError(ImagingError):
    """A header that asks for something impossible: unknown enum values, a mask without its scheme."""


class MissingFileError(OrderError):
    """The header does not announce a file that the call needs."""


class DuplicateFileError(OrderError):
    """The header announces two files for one role."""


class UploadError(ImagingError):
    """The files of a call did not arrive as its header announced them."""


class UploadOrderError(UploadError):
    """A part came out of turn: a chunk before the header, a second header, a chunk of a finished file."""


class UnknownFileError(UploadError):
    """A chunk belongs to no announced file."""


class UploadTooLargeError(UploadError):
    """A file or a chunk is larger than announced or allowed."""


class UploadIncompleteError(UploadError):
    """The client closed its side before all announced bytes had come."""


class GatewayError(ServingError):
    """Base of the faults that are no input faults: the same call may succeed later.

    Args:
        field: What the fault is about, e.g. `queue`.
        rule: What must hold.
        got: What was found instead.
        retry_after_s: When a new attempt makes sense; 0 when it makes none.
    """

    def __init__(self, field: str, rule: str, got: str, *, retry_after_s: float = 0.0) -> None:
        super().__init__(field, rule, got)
        self.retry_after_s = retry_after_s


class QueueFullError(GatewayError):
    """No exam more may wait."""

    cause = Cause.RESOURCE_EXHAUSTED


class DrainingError(GatewayError):
    """The server finishes what it has and takes nothing new."""

    cause = Cause.UNAVAILABLE


class DeadlineError(GatewayError):
    """The call's time is over: its own deadline, the server's limit, or a stalled upload."""

    cause = Cause.DEADLINE
