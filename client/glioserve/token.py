"""What a caller proves who it is with, where a server asks for a token."""

from __future__ import annotations

import re
from pathlib import Path

from glioserve.errors import LocalInputError

MAX_TOKEN_BYTES = 4096
"""Servers take 8 KiB of metadata in all."""
_TOKEN = re.compile(rb"[A-Za-z0-9._~+/-]+=*")
"""A bearer token, as RFC 6750 has it."""


def read_token(path: Path) -> str:
    """The token that a file holds, on one line and nothing else.

    Args:
        path: A file, e.g. of a mounted secret.

    Raises:
        LocalInputError: It can't be read, or holds something else. The error tells nothing of its content.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_TOKEN_BYTES + 2)  # room for the end of a line
    except OSError as error:
        raise LocalInputError("token_file", "must be a file that can be read", type(error).__name__) from None
    token = content.strip()
    if len(token) > MAX_TOKEN_BYTES or not _TOKEN.fullmatch(token):
        rule = f"must hold one token of at most {MAX_TOKEN_BYTES} letters, digits and -._~+/="
        raise LocalInputError("token_file", rule, "nothing" if not token else "other content")
    return token.decode("ascii")
