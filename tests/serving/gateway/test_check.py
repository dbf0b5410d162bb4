"""`CheckService` over a gateway on a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import grpc
import pytest
from glioserve.v1 import check_pb2, types_pb2
from glioserve.v1.check_pb2_grpc import CheckServiceStub
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from imaging.casecheck.finding import FindingRule, Severity
from imaging.modality import Modality
from imaging.nifti import write_nifti
from serving.gateway.check_messages import RULES, SEVERITIES
from serving.gateway.health import CHECK
from serving.gateway.server import Gateway
from tests.imaging.casecheck.heads import clean
from tests.serving.gateway.support import (
    FakeEngine,
    chunks,
    detail_of,
    exam_files,
    iter_async,
    mask_header,
    modality_header,
    segment,
    segment_requests,
)
from tests.serving.gateway.test_calls import eventually


def requests(files: Mapping[Modality, bytes]) -> list[check_pb2.CheckRequest]:
    headers = [modality_header(modality, len(content)) for modality, content in files.items()]
    return [
        check_pb2.CheckRequest(header=check_pb2.CheckHeader(files=headers)),
        *(check_pb2.CheckRequest(chunk=chunk) for chunk in chunks(list(files.values()))),
    ]


async def check(
    channel: aio.Channel, sent: list[check_pb2.CheckRequest], *, timeout_s: float = 60.0
) -> check_pb2.CheckResponse:
    return await CheckServiceStub(channel).Check(iter_async(sent), timeout=timeout_s)


def told(answer: check_pb2.CheckResponse) -> list[tuple[str, str, str]]:
    return [
        (types_pb2.Severity.Name(each.severity), types_pb2.FindingRule.Name(each.rule), each.field)
        for each in answer.findings
    ]


def clean_files() -> dict[Modality, bytes]:
    return {modality: write_nifti(volume) for modality, volume in clean().items()}


def test_every_rule_and_severity_has_its_number() -> None:
    assert {rule.name for rule in RULES} == set(FindingRule.__members__)
    for rule, number in RULES.items():
        assert types_pb2.FindingRule.Name(number) == f"FINDING_RULE_{rule.name}"
    for severity in Severity:
        assert types_pb2.Severity.Name(SEVERITIES[severity]) == f"SEVERITY_{severity.name}"
    assert len(types_pb2.FindingRule.values()) == len(FindingRule) + 1


async def test_nothing_speaks_against_a_clean_exam(channel: aio.Channel) -> None:
    answer = await check(channel, requests(clean_files()))
    assert told(answer) == []
    assert list(answer.possible) == [types_pb2.REGION_WT, types_pb2.REGION_TC, types_pb2.REGION_ET]
    assert (answer.aligned, answer.skull_stripped) == (True, True)
    assert answer.server_version


async def test_the_faults_of_all_files_are_told_at_once(channel: aio.Channel) -> None:
    files = clean_files()
    files[Modality.T1] = b"patient,age\n" * 100
    files[Modality.T2] = write_nifti(clean()[Modality.T1])
    del files[Modality.FLAIR]
    answer = await check(channel, requests(files))
    assert told(answer) == [
        ("SEVERITY_REFUSE", "FINDING_RULE_READABLE", "t1"),
        ("SEVERITY_REFUSE", "FINDING_RULE_MODALITY_MISSING", "flair"),
        ("SEVERITY_WARN", "FINDING_RULE_CONTRAST_ORDER", "exam"),
    ]
    assert answer.findings[0].must == "must be a NIfTI-1 or NIfTI-2 file"
    assert "patient" not in str(answer)
    assert list(answer.possible) == []


async def test_small_exams_are_warned_of_alone(channel: aio.Channel) -> None:
    """Of the size that this suite segments: a field of view that is too small refuses nothing."""
    answer = await check(channel, requests(exam_files()))
    assert {severity for severity, _, _ in told(answer)} == {"SEVERITY_WARN"}
    assert {rule for _, rule, _ in told(answer)} == {"FINDING_RULE_COVERAGE"}


@pytest.mark.parametrize(
    ("files", "kind", "field"),
    [
        ([], "MissingFileError", "exam"),
        ([modality_header(Modality.T1, 5)] * 2, "DuplicateFileError", "t1"),
        ([mask_header(types_pb2.MASK_ROLE_REFERENCE, 5)], "OrderError", "file"),
        ([types_pb2.FileHeader(size_bytes=5)], "OrderError", "file"),
        ([types_pb2.FileHeader(modality=99, size_bytes=5)], "OrderError", "modality"),
        ([modality_header(Modality.T1, 0)], "OrderError", "t1"),
        ([modality_header(Modality.T1, 2**60)], "UploadTooLargeError", "t1"),
    ],
)
async def test_a_header_that_asks_for_no_check(
    channel: aio.Channel, files: list[types_pb2.FileHeader], kind: str, field: str
) -> None:
    sent = [check_pb2.CheckRequest(header=check_pb2.CheckHeader(files=files))]
    with pytest.raises(aio.AioRpcError) as failed:
        await check(channel, sent)
    assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert (detail_of(failed.value).kind, detail_of(failed.value).field) == (kind, field)


async def test_an_upload_that_ends_early(channel: aio.Channel) -> None:
    sent = requests(exam_files())[:-1]
    with pytest.raises(aio.AioRpcError) as failed:
        await check(channel, sent)
    assert detail_of(failed.value).kind == "UploadIncompleteError"
    with pytest.raises(aio.AioRpcError) as failed:
        await check(channel, [])
    assert detail_of(failed.value).kind == "UploadOrderError"


async def test_exams_are_checked_while_the_engine_is_down(gateway: Gateway, engine: FakeEngine) -> None:
    engine.open.clear()
    async with aio.insecure_channel(gateway.address) as channel:
        busy = asyncio.create_task(segment(channel, segment_requests(exam_files())))
        assert await asyncio.to_thread(engine.entered.wait, 20.0)
        assert not (await check(channel, requests(clean_files()))).findings
        engine.open.set()
        assert (await busy).label_map


async def test_a_check_waits_its_turn_and_no_longer_than_allowed(gateway: Gateway, engine: FakeEngine) -> None:
    engine.open.clear()
    async with aio.insecure_channel(gateway.address) as channel:
        busy = [asyncio.create_task(segment(channel, segment_requests(exam_files(seed)))) for seed in range(2)]
        await eventually(lambda: gateway.running == 2)
        with pytest.raises(aio.AioRpcError) as failed:
            await check(channel, requests(exam_files()), timeout_s=0.3)
        assert failed.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        engine.open.set()
        assert all([(await each).label_map for each in busy])


async def test_health_and_reflection_know_the_service(channel: aio.Channel) -> None:
    health = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=CHECK))
    assert health.status == health_pb2.HealthCheckResponse.SERVING
    asked = reflection_pb2.ServerReflectionRequest(list_services="")
    call = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(iter_async([asked]))
    (answer,) = [answer async for answer in call]
    assert CHECK in {service.name for service in answer.list_services_response.service}
