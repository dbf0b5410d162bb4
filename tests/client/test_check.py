"""Case checks through both clients and the command line, against a server that speaks the contract."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import glioserve as gs
import grpc
import pytest
from glioserve.case_folder import find_contrasts
from glioserve.cli import app
from glioserve.findings import merged
from glioserve.v1 import check_pb2, check_pb2_grpc
from glioserve.v1 import types_pb2 as pb
from typer.testing import CliRunner

from tests.client.exams import BRATS_2023_SUFFIX, exam_files, write_case
from tests.client.fake_server import FakeServer, abort, start

WARNING = pb.Finding(
    rule=pb.FINDING_RULE_COVERAGE,
    severity=pb.SEVERITY_WARN,
    field="flair",
    must="should show at least 90% of the brain",
    got="66%",
)
REFUSAL = pb.Finding(
    rule=pb.FINDING_RULE_FINITE, severity=pb.SEVERITY_REFUSE, field="t2", must="voxels must be numbers", got="NaN"
)
REGIONS = [pb.REGION_WT, pb.REGION_TC, pb.REGION_ET]


def answer(*findings: pb.Finding, **parts: Any) -> check_pb2.CheckResponse:
    return check_pb2.CheckResponse(
        **{
            "findings": findings,
            "possible": REGIONS,
            "aligned": True,
            "skull_stripped": False,
            "server_version": "9.8.7",
        }
        | parts
    )


@dataclass
class FakeChecks(check_pb2_grpc.CheckServiceServicer):
    """Gives one answer, or fails with each of `faults` before it does."""

    answer: check_pb2.CheckResponse = field(default_factory=answer)
    faults: list[tuple[grpc.StatusCode, pb.ErrorDetail]] = field(default_factory=list)
    received: list[dict[str, bytes]] = field(default_factory=list)
    target: str = ""

    def Check(  # noqa: N802 - gRPC's name
        self, request_iterator: Iterator[check_pb2.CheckRequest], context: grpc.ServicerContext
    ) -> check_pb2.CheckResponse:
        first = next(request_iterator)
        assert first.WhichOneof("part") == "header"
        files = [bytearray() for _ in first.header.files]
        for request in request_iterator:
            files[request.chunk.file] += request.chunk.data
        names = [pb.Modality.Name(header.modality) for header in first.header.files]
        self.received.append(dict(zip(names, map(bytes, files), strict=True)))
        if self.faults:
            code, detail = self.faults.pop(0)
            abort(context, code, "no", detail)
        return self.answer


@pytest.fixture
def checks() -> Iterator[FakeChecks]:
    fake, server = FakeChecks(), FakeServer()
    running = start(server, more=[functools.partial(check_pb2_grpc.add_CheckServiceServicer_to_server, fake)])
    fake.target = server.target
    yield fake
    running.stop(grace=0).wait()


@pytest.fixture
def client(checks: FakeChecks) -> Iterator[gs.Client]:
    with gs.Client(checks.target) as connected:
        yield connected


def command(checks: FakeChecks, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["check", *arguments, "--server", checks.target])


def test_what_is_found_is_typed(checks: FakeChecks, client: gs.Client, case_dir: Path) -> None:
    checks.answer = answer(REFUSAL, WARNING, possible=[pb.REGION_WT])
    found = client.check(case_dir)
    assert found == gs.CheckResult(
        findings=(
            gs.Finding(gs.FindingRule.FINITE, gs.Severity.REFUSE, "t2", "voxels must be numbers", "NaN"),
            gs.Finding(
                gs.FindingRule.COVERAGE, gs.Severity.WARN, "flair", "should show at least 90% of the brain", "66%"
            ),
        ),
        possible=(gs.Region.WT,),
        aligned=True,
        skull_stripped=False,
        server_version="9.8.7",
    )
    assert found.refused
    (received,) = checks.received
    assert list(received) == ["MODALITY_T1", "MODALITY_T1CE", "MODALITY_T2", "MODALITY_FLAIR"]
    assert received["MODALITY_T2"] == next(case_dir.glob("*_t2.nii.gz")).read_bytes()


@pytest.mark.parametrize("rule", list(gs.FindingRule))
def test_every_rule_is_known(checks: FakeChecks, client: gs.Client, case_dir: Path, rule: gs.FindingRule) -> None:
    number = pb.FindingRule.Value(f"FINDING_RULE_{rule.name}")
    checks.answer = answer(pb.Finding(rule=number, severity=pb.SEVERITY_WARN, field="exam", must="should", got="not"))
    assert client.check(case_dir).findings[0].rule is rule
    assert len(pb.FindingRule.values()) == len(gs.FindingRule) + 1


def test_an_exam_may_be_given_in_many_ways(checks: FakeChecks, client: gs.Client, tmp_path: Path) -> None:
    folder = write_case(tmp_path / "case")
    files = exam_files(folder)
    for exam in (files, gs.Case(files), folder, str(folder), {each: files.path(each) for each in gs.Modality}):
        assert not client.check(exam).refused
    client.check({gs.Modality.FLAIR: files.flair, gs.Modality.T1: str(files.t1)})
    (files.t1ce).unlink()
    client.check(folder)
    assert [len(received) for received in checks.received] == [4, 4, 4, 4, 4, 2, 3]
    assert list(checks.received[5]) == ["MODALITY_T1", "MODALITY_FLAIR"]
    assert "MODALITY_T1CE" not in checks.received[6]


def test_what_cannot_be_sent(client: gs.Client, tmp_path: Path) -> None:
    with pytest.raises(gs.LocalInputError, match="exam: must hold at least one contrast"):
        client.check({})
    with pytest.raises(gs.MissingModalityError, match="case_dir: must hold a contrast"):
        client.check(tmp_path)
    with pytest.raises(gs.LocalInputError, match="t1: must be a file that can be read"):
        client.check({gs.Modality.T1: tmp_path / "none.nii"})
    write_case(tmp_path)
    write_case(tmp_path, suffix=BRATS_2023_SUFFIX)
    with pytest.raises(gs.AmbiguousModalityError):
        find_contrasts(tmp_path)
    for path in tmp_path.glob("*_t*.nii.gz"):
        path.unlink()
    (tmp_path / "Jane_Doe_1970-t2f.nii.gz").unlink()
    with pytest.raises(gs.AmbiguousModalityError, match="files of 2"):
        find_contrasts(tmp_path)


def test_a_busy_server_is_asked_again(checks: FakeChecks, client: gs.Client, case_dir: Path) -> None:
    busy = (grpc.StatusCode.RESOURCE_EXHAUSTED, pb.ErrorDetail(kind="QueueFullError", retry_after_ms=1))
    checks.faults = [busy, busy]
    with pytest.raises(gs.ServerBusyError):
        client.check(case_dir, retries=1)
    checks.faults = [busy]
    assert not client.check(case_dir, retries=1).refused
    checks.faults = [(grpc.StatusCode.INVALID_ARGUMENT, pb.ErrorDetail(kind="UploadTooLargeError", field="t1"))]
    with pytest.raises(gs.InvalidInputError) as refused:
        client.check(case_dir)
    assert refused.value.kind == "UploadTooLargeError"


def test_an_answer_that_breaks_the_contract(checks: FakeChecks, client: gs.Client, case_dir: Path) -> None:
    for broken in (
        answer(pb.Finding(rule=99, severity=pb.SEVERITY_WARN)),
        answer(pb.Finding(rule=pb.FINDING_RULE_SKULL)),
        answer(possible=[0]),
    ):
        checks.answer = broken
        with pytest.raises(gs.ProtocolError):
            client.check(case_dir)


def test_the_asynchronous_client(checks: FakeChecks, case_dir: Path) -> None:
    checks.answer = answer(WARNING)
    checks.faults = [(grpc.StatusCode.RESOURCE_EXHAUSTED, pb.ErrorDetail(kind="QueueFullError", retry_after_ms=1))]

    async def run() -> gs.CheckResult:
        async with gs.AsyncClient(checks.target) as client:
            return await client.check(case_dir, retries=1)

    found = asyncio.run(run())
    assert [each.rule for each in found.findings] == [gs.FindingRule.COVERAGE]
    assert not found.refused


def test_the_command_tells_of_a_clean_exam(checks: FakeChecks, case_dir: Path) -> None:
    checks.answer = answer(skull_stripped=True)
    done = command(checks, str(case_dir))
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        "Nothing speaks against the exam.",
        "Registration: not needed.",
        "Brain extraction: not needed.",
        "Regions that can be found: WT, TC, ET.",
        "The exam can be segmented.",
        "Research software, not a medical device.",
    ]


def test_the_command_lists_warnings_and_exits_with_0(checks: FakeChecks, case_dir: Path) -> None:
    checks.answer = answer(WARNING)
    done = command(checks, str(case_dir))
    assert done.exit_code == 0, done.output
    row = "warning  flair  coverage  should show at least 90% of the brain  66%"
    assert row in done.stdout.splitlines()
    assert "Brain extraction: needed." in done.stdout


def test_the_command_exits_with_1_where_an_exam_would_be_refused(checks: FakeChecks, case_dir: Path) -> None:
    checks.answer = answer(REFUSAL, possible=[])
    files = exam_files(case_dir)
    done = command(checks, "--t2", str(files.t2), "--flair", str(files.flair))
    assert done.exit_code == 1
    assert "refused  t2     finite  voxels must be numbers  NaN" in done.stdout
    assert "Regions that can be found: none.\nThe exam would be refused.\n" in done.stdout
    assert list(checks.received[0]) == ["MODALITY_T2", "MODALITY_FLAIR"]


def test_the_command_prints_a_document(checks: FakeChecks, case_dir: Path) -> None:
    checks.answer = answer(REFUSAL, WARNING, possible=[pb.REGION_WT])
    done = command(checks, str(case_dir), "--json")
    assert done.exit_code == 1
    document = json.loads(done.stdout)
    assert document["schema"] == "glioserve.check/1"
    assert (document["refused"], document["aligned"], document["skull_stripped"]) == (True, True, False)
    assert document["possible"] == ["wt"]
    assert document["findings"][1] == {
        "rule": "coverage",
        "severity": "warn",
        "field": "flair",
        "must": "should show at least 90% of the brain",
        "got": "66%",
    }
    assert document["server"] == {"version": "9.8.7"}


def test_the_command_wants_a_folder_or_files(checks: FakeChecks, case_dir: Path) -> None:
    for arguments in ([], [str(case_dir), "--t1", str(exam_files(case_dir).t1)]):
        done = command(checks, *arguments)
        assert done.exit_code == 2
        assert "give either a case folder, or files" in " ".join(done.stderr.replace("│", " ").split())
    assert checks.received == []


def test_a_server_of_an_older_generation(case_dir: Path) -> None:
    fake = FakeServer()
    running = start(fake)
    done = CliRunner().invoke(app, ["check", str(case_dir), "--server", fake.target, "--json"])
    running.stop(grace=0).wait()
    assert done.exit_code == 1
    assert json.loads(done.stdout)["error"]["type"] == "IncompatibleServerError"


def test_what_is_said_of_several_contrasts_is_said_once() -> None:
    thick = [
        gs.Finding(gs.FindingRule.SLICE_THICKNESS, gs.Severity.WARN, field, "should be thin", "5 mm")
        for field in ("t1", "t2", "flair")
    ]
    other = gs.Finding(gs.FindingRule.SLICE_THICKNESS, gs.Severity.WARN, "t1ce", "should be thin", "6 mm")
    together = merged([thick[0], other, *thick[1:]])
    assert [each.field for each in together] == ["t1, t2, flair", "t1ce"]
    assert merged([]) == ()
