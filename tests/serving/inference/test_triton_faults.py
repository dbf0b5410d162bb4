"""Triton's errors as ours, for those that no healthy Triton can be made to send."""

from __future__ import annotations

import pytest
from tritonclient.utils import InferenceServerException

from serving.errors import (
    Cause,
    EngineAnswerError,
    EngineBusyError,
    EngineDeadlineError,
    EngineUnavailableError,
    ModelRepositoryError,
    ServingError,
    TritonStartError,
)
from serving.inference.triton_predictor import _fault, _is_served


@pytest.mark.parametrize(
    ("status", "message", "kind", "cause"),
    [
        ("UNAVAILABLE", "failed to connect to all addresses", EngineUnavailableError, Cause.UNAVAILABLE),
        ("UNAVAILABLE", "Exceeds maximum queue size", EngineBusyError, Cause.RESOURCE_EXHAUSTED),
        ("CANCELLED", "Locally cancelled by application!", EngineUnavailableError, Cause.UNAVAILABLE),
        ("DEADLINE_EXCEEDED", "Deadline Exceeded", EngineDeadlineError, Cause.DEADLINE),
        ("RESOURCE_EXHAUSTED", "message too large", EngineBusyError, Cause.RESOURCE_EXHAUSTED),
        ("NOT_FOUND", "unknown model", ModelRepositoryError, Cause.PRECONDITION),
        ("INTERNAL", "onnx runtime error", EngineAnswerError, Cause.INTERNAL),
        ("INVALID_ARGUMENT", "unexpected shape", EngineAnswerError, Cause.INTERNAL),
    ],
)
def test_each_status_has_its_error(status: str, message: str, kind: type[ServingError], cause: Cause) -> None:
    fault = _fault("unet_wt", InferenceServerException(message, status=f"StatusCode.{status}"))

    assert type(fault) is kind
    assert fault.cause is cause
    assert message in fault.got


def test_a_start_that_fails_shows_the_log() -> None:
    error = TritonStartError("triton", "must start", "its end", log_tail="error: no such model")

    assert str(error) == "triton: must start, got its end\nerror: no such model"
    assert str(TritonStartError("triton", "must start", "its end")) == "triton: must start, got its end"


@pytest.mark.parametrize(
    ("states", "served"),
    [
        ({"READY": ""}, True),
        ({"UNAVAILABLE": "unloaded", "READY": ""}, True),
        ({"": ""}, False),
        ({"UNAVAILABLE": "unloaded"}, False),
    ],
)
def test_a_generator_is_served_when_a_version_of_it_is_ready(states: dict[str, str], *, served: bool) -> None:
    assert _is_served("generator_joint", states) is served


def test_a_generator_that_is_not_there_yet_or_can_not_be_is_told() -> None:
    with pytest.raises(EngineUnavailableError, match="generator_joint: must have been loaded"):
        _is_served("generator_joint", {"LOADING": ""})
    with pytest.raises(ModelRepositoryError, match="generator_joint: must be loaded by Triton, got out of memory"):
        _is_served("generator_joint", {"UNAVAILABLE": "out of memory"})
