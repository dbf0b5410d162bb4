"""What is known of a call before anything is done for it: its request id, and the trace that it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from grpc import aio

from serving.telemetry.request import REQUEST_ID_KEY, chosen_id, working_for
from serving.telemetry.tracing import CallSpan, Tracing


@contextmanager
def known_call(tracing: Tracing, method: str, context: aio.ServicerContext[Any, Any]) -> Iterator[CallSpan]:
    """Let the request id and the trace be known to all that is done within; the id goes back in the trailing metadata.

    Args:
        tracing: Makes the call's span.
        method: E.g. `v1.SegmentationService/Segment`.
        context: Of the call.
    """
    sent = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
    request_id = chosen_id(sent)
    context.set_trailing_metadata(((REQUEST_ID_KEY, request_id),))
    with working_for(request_id), tracing.call(method, sent, request_id) as span:
        yield span
