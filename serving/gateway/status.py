"""Which gRPC status and which detail an error becomes. The only place that knows."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple
from uuid import uuid4

import grpc
from glioserve.v1.contract import ERROR_DETAIL_KEY
from glioserve.v1.types_pb2 import ErrorDetail, TextFault

from imaging.errors import GoldenError, ImagingError, PlanError
from serving.batch.spec.errors import SpecError
from serving.errors import Cause, ServingError
from serving.gateway.errors import GatewayError

PUSHBACK_KEY = "grpc-retry-pushback-ms"
"""When to try again, in the key that gRPC's own retry policies obey."""

ENGINE_RETRY_S = 5.0
"""A restarted engine is back about this soon."""

_CODES: Mapping[Cause, grpc.StatusCode] = MappingProxyType(
    {
        Cause.INVALID: grpc.StatusCode.INVALID_ARGUMENT,
        Cause.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
        Cause.CONFLICT: grpc.StatusCode.ALREADY_EXISTS,
        Cause.UNAUTHENTICATED: grpc.StatusCode.UNAUTHENTICATED,
        Cause.FORBIDDEN: grpc.StatusCode.PERMISSION_DENIED,
        Cause.PRECONDITION: grpc.StatusCode.FAILED_PRECONDITION,
        Cause.UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
        Cause.RESOURCE_EXHAUSTED: grpc.StatusCode.RESOURCE_EXHAUSTED,
        Cause.DEADLINE: grpc.StatusCode.DEADLINE_EXCEEDED,
        Cause.INTERNAL: grpc.StatusCode.INTERNAL,
    }
)
_RETRIED = frozenset({Cause.UNAVAILABLE, Cause.RESOURCE_EXHAUSTED})
_ROOM_BYTES = 4096
"""Of a detail: peers take 8 KiB of metadata, in which its bytes grow by a third."""
_NO_INPUT_FAULTS = (PlanError, GoldenError)
"""Imaging errors about models: nothing that a caller could mend."""

_log = logging.getLogger(__name__)


class Status(NamedTuple):
    """How a call ends."""

    code: grpc.StatusCode
    detail: ErrorDetail
    message: str

    @property
    def metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        """The trailing metadata: the detail, and when to try again."""
        metadata: tuple[tuple[str, str | bytes], ...] = ((ERROR_DETAIL_KEY, self.detail.SerializeToString()),)
        if self.detail.retry_after_ms:
            metadata += ((PUSHBACK_KEY, str(self.detail.retry_after_ms)),)
        return metadata


def status_of(error: Exception) -> Status:
    """The status of an error.

    Input faults tell all their parts. A fault that nobody foresaw tells an opaque id alone, by which its traceback is
    found in the log.
    """
    if isinstance(error, ImagingError) and not isinstance(error, _NO_INPUT_FAULTS):
        detail = ErrorDetail(kind=type(error).__name__, field=error.field, rule=error.rule, got=error.got)
        return Status(grpc.StatusCode.INVALID_ARGUMENT, detail, str(error))
    if isinstance(error, SpecError):
        return _of_spec(error)
    if isinstance(error, ServingError):
        if error.cause is Cause.INTERNAL:
            _log.error("call.failed", extra={"kind": error.kind, "fault": str(error)})
        retry_after_ms = math.ceil(_retry_after_s(error) * 1000)
        detail = ErrorDetail(
            kind=error.kind, field=error.field, rule=error.rule, got=error.got, retry_after_ms=retry_after_ms
        )
        return Status(_CODES[error.cause], detail, ServingError.__str__(error))
    return _opaque(error)


def _of_spec(error: SpecError) -> Status:
    """All faults of a text, as far as trailing metadata have room."""
    detail = ErrorDetail(kind=error.kind, field=error.field, rule=error.rule, got=error.got)
    for number, fault in enumerate(error.faults):
        told = TextFault(line=fault.line, column=fault.column, field=fault.field, rule=fault.rule, got=fault.got)
        if detail.ByteSize() + told.ByteSize() > _ROOM_BYTES:
            detail.faults_left_out = len(error.faults) - number
            break
        detail.faults.append(told)
    message = f"{error.field}: {error.rule}, got {error.got}"
    return Status(_CODES[error.cause], detail, message)


def _retry_after_s(error: ServingError) -> float:
    if isinstance(error, GatewayError):
        return error.retry_after_s
    return ENGINE_RETRY_S if error.cause in _RETRIED else 0.0


def _opaque(error: Exception) -> Status:
    error_id = uuid4().hex
    # A message may quote what it was given: only the type and the lines of code are logged.
    frames = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_qualname}:{trace.tb_lineno}")
        trace = trace.tb_next
    _log.error("call.failed", extra={"id": error_id, "kind": type(error).__name__, "frames": " > ".join(frames)})
    detail = ErrorDetail(kind="InternalError", field="server", rule="must not fail", got=f"error {error_id}")
    return Status(grpc.StatusCode.INTERNAL, detail, f"internal error {error_id}")
