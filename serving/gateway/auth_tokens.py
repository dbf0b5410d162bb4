"""Bearer tokens: made here, and kept as digests alone.

A token is 256 random bits, so a plain SHA-256 of it can neither be reversed nor guessed, now or from a table made
beforehand. Salts and slow hashes protect passwords that people choose, and would cost time at each call for nothing.
"""

from __future__ import annotations

import hashlib
import secrets

PREFIX = "glioserve_"
"""By which people, and programs that look for leaked secrets, know one."""
_RANDOM_BYTES = 32


def new_token() -> str:
    """A token that nobody has yet, of letters, digits and `_-`."""
    return PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def digest_of(token: str) -> str:
    """What is kept of a token: 64 hexadecimal digits."""
    return hashlib.sha256(token.encode()).hexdigest()
