"""The constants of the contract that .proto files can't state. Client and server both take them from here."""

from __future__ import annotations

CHUNK_BYTES = 1024 * 1024
"""Largest piece of a file in one message. Larger messages stall the connection, smaller ones cost throughput."""

MAX_MESSAGE_BYTES = 4 * CHUNK_BYTES
"""Limit of one message in either direction, on either side: a chunk with its envelope, and reserve for reports."""

ERROR_DETAIL_KEY = "glioserve-error-bin"
"""Trailing metadata key under which a failed call carries a serialized `ErrorDetail`."""
