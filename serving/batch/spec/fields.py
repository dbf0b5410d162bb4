"""Closed sets and checked values of a cohort's spec."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

from imaging.synthesis.side import Side


class Layout(StrEnum):
    """How the files of a cohort are named and laid out."""

    BRATS_2018 = "brats_2018"
    """A folder per case, labels 1, 2 and 4."""
    BRATS_2023 = "brats_2023"
    """A folder per case, labels 1, 2 and 3."""
    NNUNET_RAW = "nnunet_raw"
    """`imagesTr`, `labelsTr` and `dataset.json` of nnU-Net."""

    @property
    def takes_fewer_modalities(self) -> bool:
        """Whether readers of the layout do with fewer than four: nnU-Net's channels are numbered and named."""
        return self is Layout.NNUNET_RAW


class WantedSide(StrEnum):
    """The hemisphere that tumours should sit in."""

    LEFT = "left"
    RIGHT = "right"
    ANY = "any"

    @property
    def side(self) -> Side | None:
        """The side; None for either."""
        return None if self is WantedSide.ANY else Side(self.value)


class NearSource(StrEnum):
    """What becomes of cases that lie near the training patient whose own map they were drawn from."""

    RELEASE = "release"
    QUARANTINE = "quarantine"


@dataclass(frozen=True)
class Within:
    """A number's range, both ends included; as a pydantic annotation.

    Args:
        lowest: The lowest number allowed.
        highest: The highest.
    """

    lowest: float
    highest: float

    @property
    def rule(self) -> str:
        """The rule in words."""
        return f"must be {_plain(self.lowest)} to {_plain(self.highest)}"

    def check(self, value: float) -> float:
        """The value, if it is in the range."""
        if not math.isfinite(value) or not self.lowest <= value <= self.highest:
            raise broken(self.rule)
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        return core_schema.no_info_after_validator_function(self.check, handler(source))


@dataclass(frozen=True)
class Rule:
    """A rule that a value keeps or breaks; as a pydantic annotation.

    Args:
        rule: In words, e.g. `must name each once`.
        kept: Whether a value keeps it, by what it returns being true.
    """

    rule: str
    kept: Callable[[Any], object]

    def check(self, value: Any) -> Any:  # noqa: ANN401  # what pydantic gives, it gets back
        """The value, if it keeps the rule."""
        if not self.kept(value):
            raise broken(self.rule)
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        return core_schema.no_info_after_validator_function(self.check, handler(source))


ORDERED = Rule("must hold the smaller number first", lambda pair: pair[0] <= pair[1])
"""Of a range."""


def broken(rule: str, *, got: str | None = None) -> PydanticCustomError:
    """The fault of a value that breaks a rule.

    Args:
        rule: In words.
        got: What was found; None for the value as it was written.
    """
    # The message is the rule alone: braces in it would be read as places for values.
    return PydanticCustomError("rule", "{rule}", {"rule": rule} | ({} if got is None else {"got": got}))


def broken_at(place: Sequence[str | int], fault: PydanticCustomError, value: object) -> ValidationError:
    """A fault at a place below the one that is being validated."""
    return ValidationError.from_exception_data(
        "spec", [InitErrorDetails(type=fault, loc=tuple(place), input=value)], hide_input=True
    )


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) else f"{number:g}"
