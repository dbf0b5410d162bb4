from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import pytest

from serving.logs import KeyValueFormatter, configure_logging


@pytest.fixture
def restored_logging() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("serving")
    before = (root.handlers[:], root.level, ours.level)
    yield
    root.handlers[:], root.level, ours.level = before


def line(message: str, **values: object) -> str:
    record = logging.makeLogRecord({"msg": message, "levelname": "INFO", "created": 0.25, **values})
    return KeyValueFormatter().format(record)


def test_a_line_is_an_event_and_its_values() -> None:
    assert (
        line("call.ended", method="Segment", code="OK", seconds=1.23456)
        == "1970-01-01T00:00:00.250Z INFO call.ended method=Segment code=OK seconds=1.235"
    )


@pytest.mark.parametrize(("value", "shown"), [("two words", '"two words"'), ("", '""'), ("a\nb", r'"a\nb"')])
def test_values_never_break_a_line_or_run_together(value: str, shown: str) -> None:
    assert line("event", got=value).endswith(f" got={shown}")


def test_a_traceback_follows_its_line() -> None:
    with pytest.raises(KeyError) as caught:
        raise KeyError("x")
    told = line("failed", exc_info=(caught.type, caught.value, caught.tb))
    assert re.search(r"INFO failed\nTraceback.*KeyError: 'x'$", told, re.DOTALL)


@pytest.mark.usefixtures("restored_logging")
def test_our_own_lines_follow_the_level_and_libraries_warn(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO")
    logging.getLogger("serving.gateway").info("ours")
    logging.getLogger("serving.gateway").debug("too much")
    logging.getLogger("asyncio").info("theirs")
    logging.getLogger("asyncio").warning("their warning")
    told = capfd.readouterr().err
    assert "INFO ours" in told
    assert "WARNING their warning" in told
    assert "too much" not in told
    assert "theirs" not in told
