"""What was found already, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from export.errors import TuneError


class Ledger:
    """A file of one finding a line, which only grows. A line that was cut short by a crash does not count.

    Args:
        file: Made when the first finding is written.

    Raises:
        TuneError: It holds what no ledger holds.
        OSError: It can't be read.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._found: dict[str, Any] = {}
        content = file.read_text(encoding="utf-8") if file.exists() else ""
        for line in content[: content.rfind("\n") + 1].splitlines():
            try:
                entry = json.loads(line)
                self._found[entry["key"]] = entry["found"]
            except (ValueError, KeyError, TypeError) as error:
                raise TuneError("ledger", "must be as it was written; remove it", type(error).__name__) from None
        self._whole = not content or content.endswith("\n")

    def get(self, key: str) -> Any:  # noqa: ANN401  # whatever was put there
        """What was found under this key; None if nothing was."""
        return self._found.get(key)

    def put(self, key: str, found: Any) -> None:  # noqa: ANN401  # whatever JSON holds
        """Remember a finding, on disk before this returns.

        Args:
            key: See `key_of`.
            found: What JSON can hold.
        """
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as file:
            if not self._whole:
                file.write("\n")
                self._whole = True
            file.write(json.dumps({"key": key, "found": found}) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self._found[key] = found


def key_of(*parts: object) -> str:
    """A key of all that a finding depends on. It is a digest: no patient's name is in it.

    Args:
        parts: What `str` tells apart.
    """
    return hashlib.sha256(json.dumps([str(part) for part in parts]).encode()).hexdigest()
