"""Certificates of a server, read from files that may be replaced while it runs."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from serving.errors import Cause, ServingError

_log = logging.getLogger(__name__)


class TlsError(ServingError):
    """A certificate or a key that a server can't prove itself with."""

    cause = Cause.PRECONDITION


@dataclass(frozen=True)
class TlsFiles:
    """Where a server's PEM files are.

    Args:
        cert: The certificate chain, the server's own first.
        key: Its private key, not encrypted.
        client_ca: The authorities that clients' certificates must come from; None asks clients for none.
    """

    cert: Path
    key: Path
    client_ca: Path | None = None


@dataclass(frozen=True)
class TlsMaterial:
    """What the files hold. A chain whose key fits and whose own certificate is valid now.

    Args:
        chain: PEM.
        key: PEM.
        client_ca: PEM, or None.

    Raises:
        TlsError: Something is no PEM, the key is another's or encrypted, or the certificate is not valid now.
    """

    chain: bytes
    key: bytes = field(repr=False)
    client_ca: bytes | None = None

    def __post_init__(self) -> None:
        certificate = _certificates("tls_cert", self.chain)[0]
        if _public_bytes(certificate) != _public_half(self.key):
            raise TlsError("tls_key", "must be the key of tls_cert", "another's key")
        now = datetime.now(UTC)
        if now > certificate.not_valid_after_utc:
            raise TlsError("tls_cert", "must be valid now", f"one that ended on {certificate.not_valid_after_utc:%F}")
        if now < certificate.not_valid_before_utc:
            raise TlsError("tls_cert", "must be valid now", f"one that begins on {certificate.not_valid_before_utc:%F}")
        if self.client_ca is not None:
            _certificates("tls_client_ca", self.client_ca)

    @classmethod
    def read(cls, files: TlsFiles) -> TlsMaterial:
        """What the files hold now.

        Raises:
            TlsError: See the class; or a file can't be read.
        """
        client_ca = None if files.client_ca is None else _read("tls_client_ca", files.client_ca)
        return cls(_read("tls_cert", files.cert), _read("tls_key", files.key), client_ca)

    @property
    def valid_until(self) -> datetime:
        """When the server's own certificate ends."""
        return _certificates("tls_cert", self.chain)[0].not_valid_after_utc

    def configuration(self) -> grpc.ServerCertificateConfiguration:
        """As gRPC takes it."""
        return grpc.ssl_server_certificate_configuration([(self.key, self.chain)], self.client_ca)


class ReloadedTls:
    """Credentials that follow their files: a connection made after they are replaced is served with what is new.

    What can't be used is told in the log, and what was used before stays in use: files are replaced one after the
    other, so that for a moment no key fits. Each new connection looks again.

    Args:
        files: To read, now and at each new connection.

    Raises:
        TlsError: What they hold now can't be used.
    """

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self._used = TlsMaterial.read(files)
        self._fault = ""

    def end_s(self) -> float:
        """When the certificate that is in use ends, in seconds since the epoch."""
        return self._used.valid_until.timestamp()

    def credentials(self) -> grpc.ServerCredentials:
        """For a server's port."""
        return grpc.dynamic_ssl_server_credentials(
            self._used.configuration(),
            self._replaced,  # type: ignore[arg-type]  # the stubs forget that None says: as before
            require_client_authentication=self._files.client_ca is not None,
        )

    def _replaced(self) -> grpc.ServerCertificateConfiguration | None:
        """What to use from now on; None where it is what was used before. gRPC calls it in threads of its own."""
        try:
            found = TlsMaterial.read(self._files)
        except TlsError as error:
            if str(error) != self._fault:
                _log.error("tls.refused", extra={"fault": str(error)})
            self._fault = str(error)
            return None
        self._fault = ""
        if found == self._used:
            return None
        self._used = found
        _log.info("tls.replaced")
        return found.configuration()


def _read(name: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TlsError(name, "must be a file that can be read", f"{error.strerror}") from None


def _certificates(name: str, pem: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise TlsError(name, "must hold certificates in PEM", f"{len(pem)} bytes that don't") from None


def _public_bytes(certificate: x509.Certificate) -> bytes:
    try:
        return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, UnsupportedAlgorithm):
        raise TlsError("tls_cert", "must have a key of a known kind", "another kind") from None


def _public_half(pem: bytes) -> bytes:
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        raise TlsError("tls_key", "must not be encrypted", "a key with a passphrase") from None
    except (ValueError, UnsupportedAlgorithm):
        raise TlsError("tls_key", "must hold a private key in PEM", f"{len(pem)} bytes that don't") from None
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
