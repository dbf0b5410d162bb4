"""Who calls, and whether it may: asked once for each call, before anything is done for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from grpc import aio

from serving.gateway.auth_callers import Caller, Callers
from serving.gateway.auth_errors import PermissionDeniedError, UnauthenticatedError
from serving.gateway.auth_roles import NEEDED

_HEADER = "authorization"
_SCHEME = "bearer"


class Access:
    """Decides over each call.

    Args:
        callers: Gives those that may call now; None lets everybody call everything.
    """

    def __init__(self, callers: Callable[[], Callers] | None) -> None:
        self._callers = callers

    def admit(self, method: str, context: aio.ServicerContext[Any, Any]) -> str | None:
        """Let a call through.

        Args:
            method: Its full name, e.g. `/glioserve.v1.InfoService/GetInfo`.
            context: Of the call.

        Returns:
            The caller's name; None where everybody may call.

        Raises:
            UnauthenticatedError: Nobody knows who calls.
            PermissionDeniedError: The caller lacks the role.
            CallersUnavailableError: Who may call is not known now.
        """
        if self._callers is None:
            return None
        caller = _identified(self._callers(), context)
        role = NEEDED.get(method)
        if role not in caller.roles:
            rule = "must be one of the contract" if role is None else f"must be open to callers with the role {role}"
            raise PermissionDeniedError("method", rule, f"a caller with {', '.join(sorted(caller.roles))}")
        return caller.name


def _identified(callers: Callers, context: aio.ServicerContext[Any, Any]) -> Caller:
    """A token, where one is sent, says who calls; else the certificate does."""
    sent = [value for key, value in context.invocation_metadata() or () if key == _HEADER]
    if not sent:
        return _by_certificate(callers, context)
    if len(sent) > 1:
        raise UnauthenticatedError(_HEADER, "must be sent once", f"{len(sent)} of it")
    scheme, _, token = str(sent[0]).partition(" ")
    if scheme.lower() != _SCHEME:
        raise UnauthenticatedError(_HEADER, "must be `Bearer TOKEN`", "something else")
    caller = callers.with_token(token)
    if caller is None:
        raise UnauthenticatedError(_HEADER, "must hold the token of a caller", "one that nobody has")
    return caller


def _by_certificate(callers: Callers, context: aio.ServicerContext[Any, Any]) -> Caller:
    """Who a certificate names: gRPC tells of those that it has verified, and of no others."""
    names = [bytes(name) for name in context.auth_context().get("x509_common_name", ())]
    caller = callers.with_certificate(names[0].decode("utf-8", "replace")) if len(names) == 1 else None
    if caller is None:
        raise UnauthenticatedError(_HEADER, "must be sent, unless a certificate names a known caller", "nothing")
    return caller
