"""What the two clients have in common: arguments of construction, paths of calls, and answers of the health service."""

from __future__ import annotations

from google.protobuf.wrappers_pb2 import Int32Value, StringValue

from glioserve.channel import TlsConfig, check_target
from glioserve.errors import ClosedClientError, ProtocolError
from glioserve.limits import CHANNEL_OPTIONS
from glioserve.terms import Health

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

    Raises:
        LocalInputError: The target is not on this machine and unprotected, or the arguments contradict each other.
    """

    def __init__(self, target: str, *, tls: TlsConfig | None, plaintext: bool) -> None:
        check_target(target, tls=tls, plaintext=plaintext)
        self._target = target
        self._options: list[tuple[str, int | str]] = [*CHANNEL_OPTIONS, *(tls.channel_options() if tls else ())]
        self._credentials = tls.credentials() if tls else None
        self._closed = False

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedClientError("the client was closed before this call")
