"""gRPC's status of a failed call into an error of ours."""

from __future__ import annotations

from collections.abc import Iterable

import grpc
from google.protobuf.message import DecodeError

from glioserve import errors
from glioserve.v1 import types_pb2 as pb
from glioserve.v1.contract import ERROR_DETAIL_KEY

_INPUT = {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.OUT_OF_RANGE}
_NAMED: dict[grpc.StatusCode, type[errors.InvalidInputError]] = {
    grpc.StatusCode.NOT_FOUND: errors.NotFoundError,
    grpc.StatusCode.ALREADY_EXISTS: errors.AlreadyExistsError,
}
"""Of our own services alone, which tell what was named; others have their own uses for these."""
_SERVER: dict[grpc.StatusCode, type[errors.ServerError]] = {
    grpc.StatusCode.DEADLINE_EXCEEDED: errors.DeadlineError,
    grpc.StatusCode.CANCELLED: errors.CancelledError,
    grpc.StatusCode.UNAUTHENTICATED: errors.AccessDeniedError,
    grpc.StatusCode.PERMISSION_DENIED: errors.AccessDeniedError,
    grpc.StatusCode.UNIMPLEMENTED: errors.IncompatibleServerError,
}


def error_of(
    code: grpc.StatusCode, details: str | None, trailing_metadata: Iterable[tuple[str, str | bytes]] | None
) -> errors.GlioserveError:
    """The typed error of a failed call.

    Args:
        code: Its status.
        details: Its message.
        trailing_metadata: May carry an `ErrorDetail`.

    Returns:
        An `InvalidInputError` where the server refuses the input; a `ServerBusyError` where it asks to come again; the
        error of its status otherwise.
    """
    detail = _detail(trailing_metadata)
    message = details or code.name
    retry_after_s = detail.retry_after_ms / 1000 if detail is not None and detail.retry_after_ms else None
    if code is grpc.StatusCode.UNAVAILABLE:
        return errors.ServerUnavailableError(message, retry_after_s=retry_after_s)
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and (detail is None or detail.retry_after_ms or not detail.field):
        return errors.ServerBusyError(message, retry_after_s=retry_after_s)
    if code in _INPUT or code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        if detail is None:
            return errors.InvalidInputError(code.name, "input", "must be acceptable to the server", f"'{message}'")
        if detail.faults:
            faults = [
                errors.SpecFault(each.line, each.column, each.field, each.rule, each.got) for each in detail.faults
            ]
            return errors.InvalidSpecError(detail.kind, faults, left_out=detail.faults_left_out)
        return errors.InvalidInputError(detail.kind, detail.field, detail.rule, detail.got)
    if code in _NAMED and detail is not None:
        return _NAMED[code](detail.kind, detail.field, detail.rule, detail.got)
    return _SERVER.get(code, errors.ServerError)(message)


def _detail(trailing_metadata: Iterable[tuple[str, str | bytes]] | None) -> pb.ErrorDetail | None:
    for key, value in trailing_metadata or ():
        if key == ERROR_DETAIL_KEY and isinstance(value, bytes):
            try:
                return pb.ErrorDetail.FromString(value)
            except DecodeError:
                return None  # the status still tells what is known
    return None
