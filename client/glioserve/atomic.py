"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from glioserve.errors import OutputError


def write_atomic(path: Path, data: bytes) -> None:
    """Writes a file under another name, then renames it. An existing file is replaced.

    Args:
        path: Where the file appears. Its folder must exist.
        data: All of its content.

    Raises:
        OutputError: The folder is missing, full, or not writable.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise OutputError(f"a result can't be written: {error.strerror or type(error).__name__}") from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def make_folder(path: Path) -> None:
    """Makes a folder and those above it, if they are not there, and makes sure that it takes files.

    Raises:
        OutputError: It can't be made or written to.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"the output folder can't be made: {error.strerror or type(error).__name__}") from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise OutputError("the output folder can't be written to")
