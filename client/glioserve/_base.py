"""What the two clients have in common: arguments of construction, paths of calls, and answers of the health service."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from google.protobuf.wrappers_pb2 import Int32Value, StringValue

from glioserve.channel import TlsConfig, check_target, is_loopback
from glioserve.core.calling import calling
from glioserve.core.tracing import Metadata
from glioserve.errors import ClosedClientError, ProtocolError
from glioserve.exam_files import PathLike
from glioserve.limits import CHANNEL_OPTIONS
from glioserve.terms import Health
from glioserve.token import read_token

HEALTH_METHOD = "/grpc.health.v1.Health/Check"

# HealthCheckRequest {string service = 1} and HealthCheckResponse {enum status = 1} have the wire format of protobuf's
# own StringValue and Int32Value, so the one standard call needs no stubs of another distribution.
health_request = StringValue.SerializeToString
health_response = Int32Value.FromString

_HEALTH = {0: Health.UNKNOWN, 1: Health.SERVING, 2: Health.NOT_SERVING}


def read_health(message: Int32Value) -> Health:
    """What a server says of itself.

    Raises:
        ProtocolError: It is none of the values that the health service has for known services.
    """
    if message.value not in _HEALTH:
        raise ProtocolError(f"the server's health is {message.value}, which this client does not know")
    return _HEALTH[message.value]


class ClientBase:
    """Where a client calls, and whether it may.

    Args:
        target: `HOST:PORT`, or a gRPC URI.
        tls: Protection of the channel.
        plaintext: The caller vouches for the network.
        token_file: Holds the caller's token.

    Raises:
        LocalInputError: The target is not on this machine and unprotected, the arguments contradict each other, or
            there is no token in the file.
    """

    def __init__(
        self, target: str, *, tls: TlsConfig | None, plaintext: bool, token_file: PathLike | None = None
    ) -> None:
        check_target(target, tls=tls, plaintext=plaintext, token=token_file is not None)
        self._target = target
        self._options: list[tuple[str, int | str]] = [*CHANNEL_OPTIONS, *(tls.channel_options() if tls else ())]
        if tls is None and is_loopback(target):
            self._options.append(("grpc.enable_http_proxy", 0))  # what is on this machine is called without detours
        self._token_file = None if token_file is None else Path(token_file)
        if self._token_file is not None:
            read_token(self._token_file)  # found out now, not at the first call
        self._credentials = tls.credentials() if tls else None
        self._closed = False

    def _calling(self, method: str) -> AbstractContextManager[Metadata]:
        """See `calling`."""
        return calling(method, token_file=self._token_file)

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedClientError("the client was closed before this call")
