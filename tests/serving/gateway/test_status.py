from __future__ import annotations

import logging

import grpc
import pytest
from glioserve.v1.contract import ERROR_DETAIL_KEY
from glioserve.v1.types_pb2 import ErrorDetail

from imaging.errors import ExamError, PlanError
from imaging.nifti import NiftiTruncatedError
from serving.errors import (
    EngineAnswerError,
    EngineBusyError,
    EngineDeadlineError,
    EngineUnavailableError,
    GoldenMismatchError,
    ModelRepositoryError,
    UnknownGeneratorError,
)
from serving.gateway.errors import DeadlineError, DrainingError, QueueFullError, UnknownFileError
from serving.gateway.status import PUSHBACK_KEY, status_of

PARTS = ("field", "rule", "got")
Code = grpc.StatusCode


@pytest.mark.parametrize(
    ("error", "code", "retry_after_ms"),
    [
        (ExamError(*PARTS), Code.INVALID_ARGUMENT, 0),
        (NiftiTruncatedError(*PARTS), Code.INVALID_ARGUMENT, 0),
        (UnknownFileError(*PARTS), Code.INVALID_ARGUMENT, 0),
        (QueueFullError(*PARTS, retry_after_s=1.5), Code.RESOURCE_EXHAUSTED, 1500),
        (EngineBusyError(*PARTS), Code.RESOURCE_EXHAUSTED, 5000),
        (DrainingError(*PARTS, retry_after_s=5), Code.UNAVAILABLE, 5000),
        (EngineUnavailableError(*PARTS), Code.UNAVAILABLE, 5000),
        (GoldenMismatchError(*PARTS), Code.UNAVAILABLE, 5000),
        (DeadlineError(*PARTS), Code.DEADLINE_EXCEEDED, 0),
        (EngineDeadlineError(*PARTS), Code.DEADLINE_EXCEEDED, 0),
        (ModelRepositoryError(*PARTS), Code.FAILED_PRECONDITION, 0),
        (EngineAnswerError(*PARTS), Code.INTERNAL, 0),
        (UnknownGeneratorError(*PARTS), Code.INVALID_ARGUMENT, 0),
    ],
)
def test_each_cause_has_its_code_detail_and_hint(error: Exception, code: grpc.StatusCode, retry_after_ms: int) -> None:
    status = status_of(error)
    metadata = dict(status.metadata)

    assert status.code is code
    assert ErrorDetail.FromString(metadata[ERROR_DETAIL_KEY]) == ErrorDetail(
        kind=type(error).__name__, field="field", rule="rule", got="got", retry_after_ms=retry_after_ms
    )
    assert metadata.get(PUSHBACK_KEY) == (str(retry_after_ms) if retry_after_ms else None)
    assert status.message == "field: rule, got got"


def raised(error: Exception) -> Exception:
    """The error with a traceback."""
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


@pytest.mark.parametrize("error", [RuntimeError("voxel 17 of Jane Doe"), PlanError(*PARTS)])
def test_what_nobody_foresaw_tells_an_id_alone(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        status = status_of(raised(error))

    assert status.code is Code.INTERNAL
    assert status.detail.kind == "InternalError"
    (record,) = caplog.records
    assert record.id in status.message
    assert record.kind == type(error).__name__
    assert "raised:" in record.frames
    assert "Jane" not in f"{status} {vars(record)}"
