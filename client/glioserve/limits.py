"""Time limits that apply where a caller states none, and the settings of every channel."""

from __future__ import annotations

from glioserve.errors import LocalInputError
from glioserve.v1.contract import MAX_MESSAGE_BYTES

SEGMENT_TIMEOUT_S = 600.0
"""One exam, with upload and waiting for its turn, on a server without a GPU."""

GENERATE_TIMEOUT_S = 600.0
"""One synthetic exam, as one that is segmented."""

EVALUATE_TIMEOUT_S = 120.0
"""One pair of label maps."""

CHECK_TIMEOUT_S = 120.0
"""One exam checked, with upload and waiting for its turn."""

COHORT_TIMEOUT_S = 60.0
"""A cohort ordered or asked after; the server may have to read libraries of maps, and large outputs."""

QUERY_TIMEOUT_S = 10.0
"""`info` and `health`."""

DEFAULT_GENERATOR = "joint"
"""What draws synthetic exams where a caller names nothing."""

CHANNEL_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    # A dead peer is noticed within 80 s while a call is open. Servers by default refuse to be pinged much more often.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 0),
)
"""Settings of every channel, both clients'."""


def checked_timeout_s(timeout_s: float) -> float:
    """The time limit, if it is one.

    Raises:
        LocalInputError: It is not a positive, finite number of seconds.
    """
    if not 0.0 < timeout_s < float("inf"):
        raise LocalInputError("timeout_s", "must be a positive number of seconds", f"{timeout_s}")
    return timeout_s
