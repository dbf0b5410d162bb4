"""Why a caller is not let in."""

from __future__ import annotations

from serving.errors import Cause, ServingError
from serving.gateway.errors import GatewayError


class CallersError(ServingError):
    """A file of callers that can't be used. Its text names the line."""

    cause = Cause.PRECONDITION


class UnauthenticatedError(GatewayError):
    """A call that does not prove who makes it: no token, one that nobody has, or a certificate of no known caller."""

    cause = Cause.UNAUTHENTICATED


class PermissionDeniedError(GatewayError):
    """A known caller asks for something that it has no role for."""

    cause = Cause.FORBIDDEN


class CallersUnavailableError(GatewayError):
    """The file of callers has become unusable: nobody is let in until it is mended."""

    cause = Cause.UNAVAILABLE
