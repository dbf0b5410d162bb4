"""`python -m serving.probe URL [LINE]`: exit code 0 when a page is there and, if a line is given, holds it.

For the health checks of containers, which run it every few seconds: the standard library alone, so that it starts fast.
"""

from __future__ import annotations

import sys
from http.client import HTTPException
from urllib.request import ProxyHandler, build_opener

_TIMEOUT_S = 3.0
_USAGE = 2


def fault(url: str, line: str | None = None) -> str | None:
    """What is wrong with a page; None when nothing is.

    Args:
        url: Of the page, http.
        line: That the page must hold, whole.
    """
    opener = build_opener(ProxyHandler({}))  # a proxy would look for this container's loopback elsewhere
    try:
        with opener.open(url, timeout=_TIMEOUT_S) as response:
            lines = response.read().decode(errors="replace").splitlines()
    except (OSError, HTTPException, ValueError) as error:
        return str(error) or type(error).__name__
    if line is not None and line not in lines:
        return f"no line {line!r}"
    return None


def main(arguments: list[str]) -> int:
    """Run the command line; its exit code."""
    if not 1 <= len(arguments) <= 2:  # a page, and perhaps a line
        sys.stderr.write("usage: python -m serving.probe URL [LINE]\n")
        return _USAGE
    found = fault(*arguments)
    if found is not None:
        sys.stderr.write(f"{found}\n")
    return int(found is not None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
