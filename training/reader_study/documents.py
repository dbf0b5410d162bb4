"""JSON files of a study, read strictly."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from training.errors import TrainingError

StudyId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{12}$")]
"""Digest of all that a reader sees."""

ItemId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
"""Name of a slice: drawn at random, so that it tells nothing."""

_NAME_CHARACTERS = 60


class Document(BaseModel):
    """Base of what is written to a file: no unknown fields, nothing converted, never changed."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


DocumentT = TypeVar("DocumentT", bound=Document)


def read_document(path: Path, model: type[DocumentT]) -> DocumentT:
    """Read a file.

    Args:
        path: Of the file, UTF-8 JSON.
        model: What it must hold.

    Raises:
        TrainingError: It can't be read, or holds something else. The first fault is told by place, rule and size;
            never by content, as a reader may have typed anything.
    """
    try:
        return model.model_validate_json(path.read_bytes())
    except OSError as error:
        raise TrainingError(path.name, "must be a file that can be read", str(error.strerror)) from None
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        place = ".".join(str(part)[:_NAME_CHARACTERS] for part in fault["loc"])
        field = f"{path.name}: {place}" if place else path.name
        raise TrainingError(field, _rule(fault["type"], fault["msg"]), _got(fault["type"], fault["input"])) from None


def _rule(kind: str, message: str) -> str:
    """What must hold, in the words of the library. A parser's message may quote the file, so it is not passed on."""
    if kind == "json_invalid":
        return "must be JSON"
    if kind == "missing":
        return "must be there"
    if kind == "extra_forbidden":
        return "must not be there"
    return message[:1].lower() + message[1:]


def _got(kind: str, value: object) -> str:
    if kind in ("json_invalid", "missing"):
        return "something else" if kind == "json_invalid" else "nothing"
    if value is None or isinstance(value, (bool, int, float)):
        return repr(value)
    if isinstance(value, str):
        return f"{len(value)} characters"
    return f"a {type(value).__name__}"
