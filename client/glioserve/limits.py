"""Time limits that apply where a caller states none, and the settings of every channel."""

from __future__ import annotations

import json

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

SERVICE_CONFIG = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {
            "name": [
                {"service": "glioserve.v1.InfoService"},
                {"service": "glioserve.v1.CohortService", "method": "Get"},
                {"service": "glioserve.v1.CohortService", "method": "List"},
            ],
            "retryPolicy": {
                "maxAttempts": 2,
                "initialBackoff": "0.2s",
                "maxBackoff": "1s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
}
"""Calls are spread over all addresses that a name has, e.g. `dns:///gateway:50051` of a headless Service.

Questions are asked again by gRPC itself when a server goes away under them. Calls with files are not, since gRPC would
have to keep what was sent: `retries` does that, by reading the files again.
"""

CHANNEL_OPTIONS: tuple[tuple[str, int | str], ...] = (
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    # A dead peer is noticed within 80 s while a call is open. Servers by default refuse to be pinged much more often.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 0),
    ("grpc.service_config", json.dumps(SERVICE_CONFIG)),
    # Replicas that come up are found within seconds of one that goes; gRPC would wait for 30.
    ("grpc.dns_min_time_between_resolutions_ms", 5_000),
    # Nor is a server that comes back left alone for gRPC's 120 s: each retry within a pause would fail at once.
    ("grpc.initial_reconnect_backoff_ms", 500),
    ("grpc.max_reconnect_backoff_ms", 5_000),
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
