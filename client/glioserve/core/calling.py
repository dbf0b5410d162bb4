"""What every attempt of a call carries beside its messages: an id, the caller's token, and the trace it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from glioserve.core.tracing import Metadata, traced
from glioserve.errors import GlioserveError
from glioserve.token import read_token

REQUEST_ID_KEY = "x-request-id"
AUTHORIZATION_KEY = "authorization"


@contextmanager
def calling(method: str, *, token_file: Path | None) -> Iterator[Metadata]:
    """The metadata of one attempt. Errors within are given its request id.

    Args:
        method: Service and method, e.g. `SegmentationService/Segment`.
        token_file: Read each time, so that a token that is replaced there is used at once; None for none.

    Raises:
        LocalInputError: There is no token in the file.
    """
    request_id = str(uuid4())
    metadata: Metadata = ((REQUEST_ID_KEY, request_id),)
    if token_file is not None:
        metadata += ((AUTHORIZATION_KEY, f"Bearer {read_token(token_file)}"),)
    with traced(method, request_id=request_id) as trace:
        try:
            yield metadata + trace
        except GlioserveError as error:
            error.request_id = request_id
            raise
