from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

import pytest

from serving.logs import JsonFormatter, KeyValueFormatter, configure_logging
from serving.telemetry.request import working_for


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


def json_line(message: str, **values: object) -> dict[str, object]:
    record = logging.makeLogRecord({"msg": message, "levelname": "INFO", "created": 0.25, **values})
    (told,) = JsonFormatter().format(record).splitlines()
    return dict(json.loads(told))


def test_a_line_can_be_json_with_numbers_as_numbers() -> None:
    assert json_line("call.ended", code="OK", seconds=1.25, position=3, cut=None, path=PurePosixPath("a b")) == {
        "time": "1970-01-01T00:00:00.250Z",
        "level": "INFO",
        "event": "call.ended",
        "code": "OK",
        "seconds": 1.25,
        "position": 3,
        "cut": None,
        "path": "a b",
    }


def test_json_stays_json_whatever_comes() -> None:
    with pytest.raises(KeyError) as caught:
        raise KeyError("x")
    told = json_line("failed", seconds=float("nan"), event="not this", exc_info=(caught.type, caught.value, caught.tb))
    assert (told["seconds"], told["event"]) == ("nan", "failed")
    assert "KeyError: 'x'" in str(told["traceback"])


def test_lines_of_a_call_name_its_request() -> None:
    with working_for("123e4567-e89b-12d3-a456-426614174000"):
        assert line("event").endswith(" event request=123e4567-e89b-12d3-a456-426614174000")
    assert "request" not in line("event")
