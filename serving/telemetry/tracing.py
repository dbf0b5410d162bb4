"""What a tracer of calls can do, and the one that does nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from types import MappingProxyType
from typing import Protocol

_carried: ContextVar[Mapping[str, str]] = ContextVar("carried", default=MappingProxyType({}))
_trace_id: ContextVar[str | None] = ContextVar("trace_id", default=None)
_ends_ns: ContextVar[dict[str, int] | None] = ContextVar("ends_ns", default=None)


class CallSpan(Protocol):
    """The span of one call, as long as the call is under way."""

    def ended(self, code: str, kind: str) -> None:
        """Tell how the call ended: the name of its gRPC code, and the kind of the error, empty if there was none."""
        ...


class Tracing(Protocol):
    """Makes spans. What runs in a thread belongs to the call whose context was copied into that thread.

    No name and no attribute tells anything of a patient: they are methods, stages, models, sizes of batches and codes.
    """

    def call(self, method: str, metadata: Mapping[str, str], request_id: str) -> AbstractContextManager[CallSpan]:
        """The span of a call, a child of the caller's if its metadata hold a W3C trace context.

        Args:
            method: E.g. `v1.SegmentationService/Segment`.
            metadata: Of the request, text values alone.
            request_id: Of the call.
        """
        ...

    def batch(self, model: str, size: int) -> AbstractContextManager[None]:
        """The span of one question to a network; within it, `carried` is what to send along.

        Args:
            model: Its name in the model repository.
            size: Slices, or heads.
        """
        ...

    def stages(self, timings_s: Mapping[str, float]) -> None:
        """The spans of the call's stages: each ended when `stage_ended` was told of it, after so many seconds."""
        ...

    def close(self) -> None:
        """Send what has not been sent yet."""
        ...


class SilentTracing:
    """Traces nothing."""

    def call(
        self,
        method: str,  # noqa: ARG002  # as of Tracing, here and below
        metadata: Mapping[str, str],  # noqa: ARG002
        request_id: str,  # noqa: ARG002
    ) -> AbstractContextManager[CallSpan]:
        """Nothing."""
        return nullcontext(self)

    def ended(self, code: str, kind: str) -> None:
        """Ignore."""

    def batch(self, model: str, size: int) -> AbstractContextManager[None]:  # noqa: ARG002
        """Nothing."""
        return nullcontext()

    def stages(self, timings_s: Mapping[str, float]) -> None:
        """Ignore."""

    def close(self) -> None:
        """Nothing is left to send."""


def carried() -> dict[str, str]:
    """Metadata that make a request to another server a part of this trace; empty where nothing is traced."""
    return dict(_carried.get())


def trace_id() -> str | None:
    """The trace that the running code belongs to, 32 hex digits; None where nothing is traced."""
    return _trace_id.get()


@contextmanager
def carrying(metadata: Mapping[str, str]) -> Iterator[None]:
    """Let `carried` answer this within the context."""
    token = _carried.set(metadata)
    try:
        yield
    finally:
        _carried.reset(token)


def stage_ended(name: str) -> None:
    """Tell that a stage of the call that the running code works for ends now. Of no effect where nothing is traced."""
    ends_ns = _ends_ns.get()
    if ends_ns is not None:
        ends_ns[name] = time.time_ns()


def stage_ends_ns() -> Mapping[str, int]:
    """When the stages of the call ended, since the epoch; as far as they have, and only where the call is traced."""
    return _ends_ns.get() or {}


@contextmanager
def traced_as(name: str | None) -> Iterator[None]:
    """Let `trace_id` answer this for the call of the context, and its stages be remembered for `stage_ends_ns`."""
    named, ended = _trace_id.set(name), _ends_ns.set({})
    try:
        yield
    finally:
        _trace_id.reset(named)
        _ends_ns.reset(ended)
