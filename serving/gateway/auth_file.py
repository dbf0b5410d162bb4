"""A file of callers that may be replaced while the server runs."""

from __future__ import annotations

import logging
from pathlib import Path

from serving.gateway.auth_callers import MAX_BYTES, Callers
from serving.gateway.auth_errors import CallersError, CallersUnavailableError

_MENDED_S = 5.0
"""Files are replaced within seconds."""
_log = logging.getLogger(__name__)


class CallersFile:
    """Holds what the file holds, looking at each call whether it has changed.

    A file that becomes unusable lets nobody in: what it no longer tells may be who was struck off it.

    Args:
        path: Of the file.
        certificates: Whether clients are asked for certificates, so that callers may be known by them.

    Raises:
        CallersError: The file can't be used, or knows callers by certificates that no client is asked for.
    """

    def __init__(self, path: Path, *, certificates: bool) -> None:
        self._path = path
        self._certificates = certificates
        self._content = self._read()
        self._callers = self._parse(self._content)
        self._fault = ""

    def now(self) -> Callers:
        """The callers as the file has them now.

        Raises:
            CallersUnavailableError: It can't be used. Why is told in the log alone.
        """
        try:
            content = self._read()
            if content != self._content:
                self._callers = self._parse(content)
                self._content = content
                _log.info("callers.replaced", extra={"callers": len(self._callers.callers)})
        except CallersError as error:
            if str(error) != self._fault:
                _log.error("callers.refused", extra={"fault": str(error)})
            self._fault = str(error)
            rule = "must be a file that can be used"
            raise CallersUnavailableError("callers", rule, "one to be mended", retry_after_s=_MENDED_S) from None
        self._fault = ""
        return self._callers

    def _read(self) -> bytes:
        try:
            with self._path.open("rb") as file:
                return file.read(MAX_BYTES + 1)
        except OSError as error:
            raise CallersError("callers", "must be a file that can be read", f"{error.strerror}") from None

    def _parse(self, content: bytes) -> Callers:
        callers = Callers.parse(content)
        if callers.by_certificate and not self._certificates:
            raise CallersError("callers", "must know callers by tokens where tls_client_ca is not set", "a certificate")
        return callers
