"""The errors of serving. Each knows the field, the rule that it broke, what was got, and what kind of cause it has."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class Cause(StrEnum):
    """Why a call can't be answered, in words that no transport owns. The gateway maps each to one gRPC status."""

    INVALID = "invalid"
    """What was asked for can't be had here: ask for something else."""
    NOT_FOUND = "not_found"
    """What was named does not exist."""
    CONFLICT = "conflict"
    """The name is taken by something else."""
    UNAUTHENTICATED = "unauthenticated"
    """Nobody knows who asks."""
    FORBIDDEN = "forbidden"
    """Who asks may not have it."""
    PRECONDITION = "precondition"
    """The installation is at fault: somebody must mend it."""
    UNAVAILABLE = "unavailable"
    """Something is down that may come back: try again."""
    RESOURCE_EXHAUSTED = "resource_exhausted"
    """There is more work than room for it: try again later."""
    DEADLINE = "deadline"
    """The time allowed is over."""
    INTERNAL = "internal"
    """A fault of ours."""


class ServingError(Exception):
    """Base of every error of this package.

    Args:
        field: What the fault is about, e.g. `triton` or `unet_wt`.
        rule: What must hold, e.g. `must answer within 30 s`.
        got: What was found instead. Never voxel values, file names of an exam or anything that identifies a patient.
    """

    cause: ClassVar[Cause] = Cause.INTERNAL

    def __init__(self, field: str, rule: str, got: str) -> None:
        super().__init__(f"{field}: {rule}, got {got}")
        self.field = field
        self.rule = rule
        self.got = got

    @property
    def kind(self) -> str:
        """The error's type, as programs know it."""
        return type(self).__name__


class EngineUnavailableError(ServingError):
    """The inference engine does not answer: down, starting, stopping, or its connection broke."""

    cause = Cause.UNAVAILABLE


class EngineBusyError(ServingError):
    """The inference engine's own queue is full."""

    cause = Cause.RESOURCE_EXHAUSTED


class EngineDeadlineError(ServingError):
    """The inference engine did not answer in the time allowed."""

    cause = Cause.DEADLINE


class EngineRequestError(ServingError):
    """Slices that do not fit the model: a fault of the calling code, never of the exam."""

    cause = Cause.INTERNAL


class EngineAnswerError(ServingError):
    """The inference engine answered something that no model answers: no bytes, a wrong shape, an error of its own."""

    cause = Cause.INTERNAL


class GoldenMismatchError(ServingError):
    """A served model does not answer the golden slices as it did at export. Nothing that it says can be used."""

    cause = Cause.UNAVAILABLE


class EngineUnsupportedError(ServingError):
    """The engine that was asked for can't run on this machine. Another must be named; none is put in its place."""

    cause = Cause.PRECONDITION


class ModelRepositoryError(ServingError):
    """The model repository, or a model in it, is incomplete or contradictory."""

    cause = Cause.PRECONDITION


class UnknownGeneratorError(ServingError):
    """A generator was asked for that is not served, or that does not draw all contrasts."""

    cause = Cause.INVALID


class TritonRuntimeError(ServingError):
    """The environment that Triton runs in is missing, out of date or could not be built."""

    cause = Cause.PRECONDITION


class TritonStartError(ServingError):
    """Triton did not become ready.

    Args:
        log_tail: The last lines of its log, which name the cause.
    """

    cause = Cause.UNAVAILABLE

    def __init__(self, field: str, rule: str, got: str, *, log_tail: str = "") -> None:
        super().__init__(field, rule, got)
        self.log_tail = log_tail

    def __str__(self) -> str:
        return f"{super().__str__()}\n{self.log_tail}" if self.log_tail else super().__str__()
