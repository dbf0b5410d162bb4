"""The file that says who may call what. A line per caller: a name, roles, and what proves who it is.

```
# name       roles          proof
radiology    segment,info   sha256:1f0e...
research-01  synthesize     certificate
```
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hmac import compare_digest

from serving.gateway.auth_errors import CallersError
from serving.gateway.auth_roles import Role
from serving.gateway.auth_tokens import digest_of

MAX_BYTES = 1024 * 1024
_FIELD = "callers"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:-]{0,63}")
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_CERTIFICATE = "certificate"
_PARTS = 3


@dataclass(frozen=True)
class Caller:
    """Who may call, and what.

    Args:
        name: Of a system, not of a person or a patient: it is logged with each call.
        roles: At least one.
        digest: SHA-256 of its token, 64 hexadecimal digits; None where its certificate bears the name.

    Raises:
        CallersError: A name or a digest that can't be, or no role.
    """

    name: str
    roles: frozenset[Role]
    digest: str | None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise CallersError(_FIELD, "must name callers by 1 to 64 letters, digits and ._@:-", "another name")
        if not self.roles:
            raise CallersError(_FIELD, "must give each caller a role", "none")
        if self.digest is not None and not _DIGEST.fullmatch(f"sha256:{self.digest}"):
            raise CallersError(_FIELD, "must hold SHA-256 digests of tokens", "something else")

    @property
    def line(self) -> str:
        """As the file holds it."""
        roles = ",".join(role.value for role in Role if role in self.roles)
        return f"{self.name} {roles} {_CERTIFICATE if self.digest is None else f'sha256:{self.digest}'}"


@dataclass(frozen=True)
class Callers:
    """All that may call.

    Args:
        callers: At least one; no name and no token twice.

    Raises:
        CallersError: There is none, or two are alike.
    """

    callers: tuple[Caller, ...]

    def __post_init__(self) -> None:
        if not self.callers:
            raise CallersError(_FIELD, "must list a caller", "none")
        names = [caller.name for caller in self.callers]
        if len(set(names)) < len(names):
            raise CallersError(_FIELD, "must list each name once", "a name twice")
        digests = [caller.digest for caller in self.callers if caller.digest is not None]
        if len(set(digests)) < len(digests):
            raise CallersError(_FIELD, "must give each caller a token of its own", "a token twice")

    @classmethod
    def parse(cls, content: bytes) -> Callers:
        """The callers of a file.

        Args:
            content: UTF-8; empty lines and those that begin with # say nothing.

        Raises:
            CallersError: See above; or a line is no caller, or there is too much of it. Its text quotes nothing but
                the line's number.
        """
        if len(content) > MAX_BYTES:
            raise CallersError(_FIELD, f"must have at most {MAX_BYTES} bytes", "more")
        try:
            lines = content.decode("utf-8").split("\n")
        except UnicodeDecodeError:
            raise CallersError(_FIELD, "must be UTF-8", "other bytes") from None
        return cls(tuple(_parsed(lines)))

    @property
    def by_certificate(self) -> bool:
        """Whether a certificate is what proves who some caller is."""
        return any(caller.digest is None for caller in self.callers)

    def with_token(self, token: str) -> Caller | None:
        """Whose token this is; None where it is nobody's. Takes as long for a wrong one as for a right one."""
        presented, found = digest_of(token), None
        for caller in self.callers:
            if caller.digest is not None and compare_digest(caller.digest, presented):
                found = caller
        return found

    def with_certificate(self, common_name: str) -> Caller | None:
        """Who is known by a certificate of this common name; None where nobody is."""
        for caller in self.callers:
            if caller.digest is None and caller.name == common_name:
                return caller
        return None


def _parsed(lines: list[str]) -> Iterator[Caller]:
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if text and not text.startswith("#"):
            try:
                yield _caller(text.split())
            except CallersError as error:
                raise CallersError(f"{_FIELD}, line {number}", error.rule, error.got) from None


def _caller(parts: list[str]) -> Caller:
    if len(parts) != _PARTS:
        raise CallersError(_FIELD, "must have lines of a name, roles and a proof", f"{len(parts)} parts")
    name, roles, proof = parts
    digest = _DIGEST.fullmatch(proof)
    if digest is None and proof != _CERTIFICATE:
        raise CallersError(_FIELD, f"must prove callers by sha256:HEX or {_CERTIFICATE}", "another proof")
    return Caller(name, frozenset(map(_role, roles.split(","))), digest[1] if digest else None)


def _role(name: str) -> Role:
    try:
        return Role(name)
    except ValueError:
        raise CallersError(_FIELD, f"must give roles of {', '.join(Role)}", "another role") from None
