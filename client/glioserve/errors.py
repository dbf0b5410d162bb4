"""Everything that can go wrong, as types. None of the messages holds patient data or names of files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class GlioserveError(Exception):
    """Base of every error that this library raises on purpose.

    Attributes:
        request_id: By which the server's log names the call that failed; None where there was none.
    """

    request_id: str | None = None


class InputFault(GlioserveError):
    """What was given can't be worked on. Base of the faults found here and of those found by the server.

    Args:
        field: What the fault is about, e.g. `t1ce` or `reference`.
        rule: What must hold, e.g. `must have 3 axes`.
        got: What was found instead, e.g. `4 axes (240, 240, 155, 2)`.
    """

    def __init__(self, field: str, rule: str, got: str) -> None:
        super().__init__(f"{field}: {rule}, got {got}")
        self.field = field
        self.rule = rule
        self.got = got


class LocalInputError(InputFault, ValueError):
    """A fault that is found before anything is sent: an argument or a file that can't be used."""


class MissingModalityError(LocalInputError):
    """A case folder lacks one of the four contrasts."""


class AmbiguousModalityError(LocalInputError):
    """A case folder holds several files that could be the same contrast, or files of several cases."""


class InvalidInputError(InputFault):
    """The server refuses the input.

    Args:
        kind: The server's name for the fault, e.g. `NiftiTruncatedError`.
        field: See `InputFault`.
        rule: See `InputFault`.
        got: See `InputFault`.
    """

    def __init__(self, kind: str, field: str, rule: str, got: str) -> None:
        super().__init__(field, rule, got)
        self.kind = kind


class NotFoundError(InvalidInputError):
    """What was named does not exist on the server."""


class AlreadyExistsError(InvalidInputError):
    """The name is taken by something else on the server."""


@dataclass(frozen=True)
class SpecFault:
    """One fault of a cohort's spec.

    Args:
        line: Where it stands, 1 for the first line; 0 where it is of the spec as a whole.
        column: In characters, 1 for the first.
        field: Dotted, e.g. `lesion.volume_ml`.
        rule: What must hold.
        got: What was found instead.
    """

    line: int
    column: int
    field: str
    rule: str
    got: str

    def __str__(self) -> str:
        where = f"line {self.line}, column {self.column}: " if self.line else ""
        return f"{where}{self.field}: {self.rule}, got {self.got}"


class InvalidSpecError(InvalidInputError):
    """The server refuses a cohort's spec. Its message has one line per fault.

    Args:
        kind: See `InvalidInputError`.
        faults: In the order of the text, at least one; `field`, `rule` and `got` are those of the first.
        left_out: Further faults that the server did not send.
    """

    def __init__(self, kind: str, faults: Sequence[SpecFault], *, left_out: int = 0) -> None:
        first = faults[0]
        super().__init__(kind, first.field, first.rule, first.got)
        self.faults = tuple(faults)
        self.left_out = left_out
        more = (f"and {left_out} more",) if left_out else ()
        self.args = ("\n".join([*map(str, faults), *more]),)


class ServerError(GlioserveError):
    """The server, or the way to it, failed. Base of the types below; itself, an internal fault of the server.

    Args:
        message: What the server or the transport said.
    """


class ServerBusyError(ServerError):
    """The server has no room for another exam now.

    Args:
        message: See `ServerError`.
        retry_after_s: When to ask again, in seconds; None where the server gives no hint.
    """

    def __init__(self, message: str, *, retry_after_s: float | None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ServerUnavailableError(ServerError):
    """There is no server, it is starting or stopping, or its inference engine is down.

    Args:
        message: See `ServerError`.
        retry_after_s: When to ask again, in seconds; None where nobody is there to give a hint.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class DeadlineError(ServerError):
    """The time that the caller allowed is over."""


class CancelledError(ServerError):
    """The call was cancelled: the client was closed, or the server is shutting down."""


class AccessDeniedError(ServerError):
    """The server does not let this caller in."""


class IncompatibleServerError(ServerError):
    """The server does not know this call. Client and server are of different generations."""


class ProtocolError(ServerError):
    """The server's answer breaks the contract: incomplete, out of order, or on another grid than the exam's."""


class MissingExtraError(GlioserveError, ImportError):
    """A part of this library was imported whose dependencies are not installed.

    Args:
        extra: What they come with, e.g. `dicom`.
        module: What is missing.
    """

    def __init__(self, *, extra: str, module: str) -> None:
        super().__init__(f"the module {module} is missing: pip install glioserve[{extra}]")
        self.extra = extra
        self.module = module


class OutputError(GlioserveError):
    """A result can't be written, e.g. for lack of space or permission."""


class ClosedClientError(GlioserveError):
    """The client was closed before this call."""
