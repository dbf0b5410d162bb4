"""Where a server is, and how the way to it is protected."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

import grpc

from glioserve.errors import LocalInputError

DEFAULT_TARGET = "127.0.0.1:50051"
"""A server on this machine."""


@dataclass(frozen=True)
class TlsConfig:
    """How a server proves who it is, and how this client does.

    Args:
        ca_file: PEM certificates of the authorities to trust; None trusts gRPC's built-in public ones.
        client_cert_file: PEM certificate chain of this client, where the server asks for one (mutual TLS).
        client_key_file: PEM private key to it.
        server_name: Name to expect in the server's certificate, where it differs from the target's host.

    Raises:
        LocalInputError: Only one of the client's certificate and key is given.
    """

    ca_file: Path | None = None
    client_cert_file: Path | None = None
    client_key_file: Path | None = None
    server_name: str | None = None

    def __post_init__(self) -> None:
        if (self.client_cert_file is None) != (self.client_key_file is None):
            raise LocalInputError("tls", "must name the client's certificate and its key together", "one of them")

    def credentials(self) -> grpc.ChannelCredentials:
        """The channel credentials, read from the files.

        Raises:
            LocalInputError: A file can't be read.
        """
        return grpc.ssl_channel_credentials(
            root_certificates=_read(self.ca_file, "tls.ca_file"),
            private_key=_read(self.client_key_file, "tls.client_key_file"),
            certificate_chain=_read(self.client_cert_file, "tls.client_cert_file"),
        )

    def channel_options(self) -> tuple[tuple[str, str], ...]:
        """Options that the channel needs beside the credentials."""
        return () if self.server_name is None else (("grpc.ssl_target_name_override", self.server_name),)


def check_target(target: str, *, tls: TlsConfig | None, plaintext: bool, token: bool = False) -> None:
    """Refuses to send patient data in the clear across a network that nobody vouched for, and a token across any.

    Args:
        target: `HOST:PORT`, or a gRPC URI such as `unix:/run/glioserve.sock`.
        tls: Protection of the channel, if any.
        plaintext: The caller vouches for the network.
        token: A token goes with each call.

    Raises:
        LocalInputError: The target is not on this machine, there is no TLS, and the caller did not ask for plaintext,
            or there is a token; or the caller asked for both.
    """
    if not target.strip():
        raise LocalInputError("target", "must be HOST:PORT", "nothing")
    if tls is not None and plaintext:
        raise LocalInputError("plaintext", "must not be asked for together with TLS", "both")
    if tls is not None or is_loopback(target):
        return
    if token:
        raise LocalInputError("token_file", "must go over TLS, or to this machine", "plaintext to another machine")
    if not plaintext:
        raise LocalInputError("target", "must be on this machine unless TLS is set or plaintext asked for", "neither")


def is_loopback(target: str) -> bool:
    """Whether a target can only be on this machine."""
    if target.startswith(("unix:", "unix-abstract:")):
        return True
    if target.startswith("dns://") and not target.startswith("dns:///"):
        return False  # another machine is asked where the host is
    address = target.rsplit("/", 1)[-1]  # dns:///host:port, ipv4:127.0.0.1:port
    for prefix in ("dns:", "ipv4:", "ipv6:"):
        address = address.removeprefix(prefix)
    host = address.rsplit(":", 1)[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _read(path: Path | None, field: str) -> bytes | None:
    if path is None:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise LocalInputError(field, "must be a file that can be read", type(error).__name__) from None
