"""Log lines: one event each, with its values as `key=value`. Never patient data, file names or voxel values."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class KeyValueFormatter(logging.Formatter):
    """`2026-01-31T12:00:00.000Z INFO gateway.started address=127.0.0.1:50051`.

    The values are those that the call passed as `extra`.
    """

    def format(self, record: logging.LogRecord) -> str:
        """One line, and the traceback below it if there is one."""
        time = datetime.fromtimestamp(record.created, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        values = {key: value for key, value in vars(record).items() if key not in _STANDARD}
        line = " ".join(
            [time, record.levelname, record.getMessage(), *(f"{key}={_quoted(values[key])}" for key in values)]
        )
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def configure_logging(level: str) -> None:
    """Send the log lines of this process to standard error.

    Args:
        level: Of our own lines, e.g. `INFO`. Libraries speak from `WARNING` on.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(KeyValueFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("serving").setLevel(level)


def _quoted(value: object) -> str:
    text = f"{value:.3f}" if isinstance(value, float) else str(value)
    return text if text and not any(character in text for character in ' "=\n\r') else json.dumps(text)
