"""Log lines: one event each, with its values. Never patient data, file names or voxel values.

Lines of a call name its request, and its trace where there is one.
"""

from __future__ import annotations

import json
import logging
import math
from datetime import UTC, datetime

from serving.settings import LogFormat
from serving.telemetry.request import request_id
from serving.telemetry.tracing import trace_id

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class KeyValueFormatter(logging.Formatter):
    """`2026-01-31T12:00:00.000Z INFO gateway.started address=127.0.0.1:50051`.

    The values are those that the call passed as `extra`.
    """

    def format(self, record: logging.LogRecord) -> str:
        """One line, and the traceback below it if there is one."""
        values = _values(record)
        line = " ".join(
            [_time(record), record.levelname, record.getMessage(), *(f"{key}={_quoted(values[key])}" for key in values)]
        )
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


class JsonFormatter(logging.Formatter):
    """`{"time": "2026-01-31T12:00:00.000Z", "level": "INFO", "event": "gateway.started", "address": ...}`.

    Numbers, truth values and None stay what they are; any other value is told as text.
    """

    def format(self, record: logging.LogRecord) -> str:
        """One line, the traceback within it."""
        line: dict[str, object] = {"time": _time(record), "level": record.levelname, "event": record.getMessage()}
        line |= {key: _plain(value) for key, value in _values(record).items() if key not in line}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


def configure_logging(level: str, line_format: LogFormat = LogFormat.KEY_VALUE) -> None:
    """Send the log lines of this process to standard error.

    Args:
        level: Of our own lines, e.g. `INFO`. Libraries speak from `WARNING` on.
        line_format: How a line is written.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if line_format is LogFormat.JSON else KeyValueFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("serving").setLevel(level)


def _time(record: logging.LogRecord) -> str:
    time = datetime.fromtimestamp(record.created, tz=UTC)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _values(record: logging.LogRecord) -> dict[str, object]:
    """What the call passed as `extra`, then what the line belongs to. Lines are formatted where they are logged."""
    values = {key: value for key, value in vars(record).items() if key not in _STANDARD}
    known = {"request": request_id(), "trace": trace_id()}
    return values | {key: value for key, value in known.items() if value is not None}


def _plain(value: object) -> object:
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else str(value)
    return value if value is None or isinstance(value, bool | int) else str(value)


def _quoted(value: object) -> str:
    text = f"{value:.3f}" if isinstance(value, float) else str(value)
    return text if text and not any(character in text for character in ' "=\n\r') else json.dumps(text)
