"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_atomic(path: Path, content: bytes, *, parts: Path | None = None) -> None:
    """Write a file under another name, flush it to the disk and rename it.

    What was there before is replaced.

    Args:
        path: Where the file appears.
        content: Of it.
        parts: Folder of the other name, on the same file system; None for the file's own.

    Raises:
        OSError: The file can't be written.
    """
    part = (parts or path.parent) / f".{secrets.token_hex(8)}.part"
    try:
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
