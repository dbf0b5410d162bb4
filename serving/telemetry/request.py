"""Request ids: one name per call, the same in the client's error, in the log and beside the metrics."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import uuid4

REQUEST_ID_KEY = "x-request-id"
"""The metadata key, of requests and of answers."""

_OPAQUE = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_current: ContextVar[str | None] = ContextVar("request_id", default=None)


def request_id() -> str | None:
    """The id of the call that the running code works for; None outside of calls."""
    return _current.get()


def chosen_id(metadata: Mapping[str, str]) -> str:
    """The caller's id if it is a UUID, else a new one.

    Anything else is not taken: it ends up in logs, and who is free to choose it may choose the name of a patient.
    """
    sent = metadata.get(REQUEST_ID_KEY, "")
    return sent.lower() if _OPAQUE.fullmatch(sent) else str(uuid4())


@contextmanager
def working_for(name: str) -> Iterator[None]:
    """Let `request_id` answer this within the context, and in what is started there with a copy of the context."""
    token = _current.set(name)
    try:
        yield
    finally:
        _current.reset(token)
