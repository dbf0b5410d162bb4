"""Cohorts through both clients and the command line, against a server that speaks the contract."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import glioserve as gs
import grpc
import pytest
from glioserve.cli import app
from glioserve.v1 import cohort_pb2, types_pb2
from typer.testing import CliRunner

from tests.client.fake_cohorts import DIGEST, FakeCohorts, cohort, serving

SPEC = "name: example\ncases: 3\n"
Code = grpc.StatusCode


@pytest.fixture
def server() -> Iterator[FakeCohorts]:
    with serving(FakeCohorts()) as fake:
        yield fake


@pytest.fixture
def client(server: FakeCohorts) -> Iterator[gs.Client]:
    with gs.Client(server.target) as connected:
        yield connected


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "cohort.yaml"
    path.write_text(SPEC, encoding="utf-8")
    return path


def detail(kind: str, field: str = "id", **more: Any) -> types_pb2.ErrorDetail:
    return types_pb2.ErrorDetail(kind=kind, field=field, rule="must be good", got="bad", **more)


def bad_spec(left_out: int = 0) -> tuple[grpc.StatusCode, types_pb2.ErrorDetail]:
    faults = [
        types_pb2.TextFault(line=2, column=8, field="cases", rule="must be 1 to 100000", got="0"),
        types_pb2.TextFault(field="sources", rule="must be given", got="nothing"),
    ]
    return Code.INVALID_ARGUMENT, detail("SpecError", "cases", faults=faults, faults_left_out=left_out)


def command(server: FakeCohorts, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["cohort", *arguments, "--server", server.target])


def test_a_cohort_is_typed(server: FakeCohorts, client: gs.Client, spec: Path) -> None:
    found = client.cohorts.submit(spec, cohort_id="example", output="s3://bucket/example", shards=4)
    assert found == gs.Cohort(
        id="example",
        name="a-name",
        spec_sha256=DIGEST,
        phase=gs.CohortPhase.RUNNING,
        cases=1200,
        released=7,
        quarantined=1,
        failed=2,
        output="s3://bucket/example",
        shards=4,
        note="",
        submitted=datetime(2026, 1, 1, tzinfo=UTC),
    )
    assert found.tried == 10
    assert server.requests == [
        cohort_pb2.SubmitCohortRequest(spec=SPEC, id="example", output="s3://bucket/example", shards=4)
    ]


def test_what_is_not_said_is_left_to_the_server(server: FakeCohorts, client: gs.Client) -> None:
    client.cohorts.submit_text(SPEC)
    assert server.requests == [cohort_pb2.SubmitCohortRequest(spec=SPEC)]


def test_the_other_calls(server: FakeCohorts, client: gs.Client) -> None:
    assert client.cohorts.get("example").id == "example"
    assert [each.id for each in client.cohorts.list(limit=5)] == ["example"]
    assert client.cohorts.cancel("example").phase is gs.CohortPhase.RUNNING
    assert [type(each).__name__ for each in server.requests] == [
        "GetCohortRequest",
        "ListCohortsRequest",
        "CancelCohortRequest",
    ]
    assert server.requests[1].limit == 5


def test_a_watch_ends_with_the_cohort(server: FakeCohorts, client: gs.Client) -> None:
    server.states = [cohort("QUEUED"), cohort("RUNNING"), cohort("COMPLETED")]
    phases = [state.phase for state in client.cohorts.watch("example")]
    assert phases == [gs.CohortPhase.QUEUED, gs.CohortPhase.RUNNING, gs.CohortPhase.COMPLETED]
    assert [phase.has_ended for phase in phases] == [False, False, True]


def test_who_stops_watching_frees_the_server(server: FakeCohorts, client: gs.Client) -> None:
    server.hangs = True
    states = client.cohorts.watch("example")
    assert next(states).phase is gs.CohortPhase.RUNNING
    states.close()  # type: ignore[attr-defined]  # a generator
    assert server.ended.wait(10)


def test_a_watch_has_the_time_that_it_was_given(server: FakeCohorts, client: gs.Client) -> None:
    server.hangs = True
    with pytest.raises(gs.DeadlineError):
        list(client.cohorts.watch("example", timeout_s=0.3))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (Code.NOT_FOUND, gs.NotFoundError),
        (Code.ALREADY_EXISTS, gs.AlreadyExistsError),
        (Code.FAILED_PRECONDITION, gs.InvalidInputError),
        (Code.UNAVAILABLE, gs.ServerUnavailableError),
    ],
)
def test_errors_are_typed(
    server: FakeCohorts, client: gs.Client, code: grpc.StatusCode, kind: type[gs.GlioserveError]
) -> None:
    for call in (client.cohorts.get, client.cohorts.cancel, lambda name: list(client.cohorts.watch(name))):
        server.failures = [(code, detail("SomeError"))] * 2  # a question is asked again where the server is away
        with pytest.raises(kind) as caught:
            call("example")
        assert type(caught.value) is kind
        if isinstance(caught.value, gs.InvalidInputError):
            assert (caught.value.kind, caught.value.field) == ("SomeError", "id")
        assert caught.value.request_id


def test_a_bad_spec_tells_every_fault(server: FakeCohorts, client: gs.Client) -> None:
    server.failures = [bad_spec(left_out=7)]
    with pytest.raises(gs.InvalidSpecError) as caught:
        client.cohorts.submit_text(SPEC)
    error = caught.value
    assert [(fault.line, fault.column, fault.field) for fault in error.faults] == [(2, 8, "cases"), (0, 0, "sources")]
    assert (error.field, error.got, error.left_out) == ("cases", "0", 7)
    assert str(error).splitlines() == [
        "line 2, column 8: cases: must be 1 to 100000, got 0",
        "sources: must be given, got nothing",
        "and 7 more",
    ]


def test_a_full_queue_is_asked_again(server: FakeCohorts, client: gs.Client) -> None:
    full = (Code.RESOURCE_EXHAUSTED, detail("CohortQueueFullError", retry_after_ms=1))
    server.failures = [full]
    assert client.cohorts.submit_text(SPEC, retries=1).id == "example"
    server.failures = [full]
    with pytest.raises(gs.ServerBusyError):
        client.cohorts.submit_text(SPEC)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda cohorts, folder: cohorts.submit(folder / "none"), "spec"),
        (lambda cohorts, folder: cohorts.submit(folder / "binary"), "spec"),
        (lambda cohorts, folder: cohorts.submit(folder / "huge"), "spec"),
        (lambda cohorts, _: cohorts.submit_text(SPEC, shards=0), "shards"),
        (lambda cohorts, _: cohorts.list(limit=0), "limit"),
        (lambda cohorts, _: cohorts.get("a", timeout_s=0), "timeout_s"),
        (lambda cohorts, _: cohorts.watch("a", timeout_s=-1), "timeout_s"),
    ],
)
def test_faults_that_are_found_here(
    server: FakeCohorts, client: gs.Client, tmp_path: Path, call: Any, field: str
) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "huge").write_bytes(b" " * (2**20 + 1))
    with pytest.raises(gs.LocalInputError) as caught:
        call(client.cohorts, tmp_path)
    assert caught.value.field == field
    assert server.requests == []


def test_a_phase_that_nobody_knows(server: FakeCohorts, client: gs.Client) -> None:
    for number in (0, 99):
        server.states[0].phase = number
        with pytest.raises(gs.ProtocolError, match=f"CohortPhase {number}"):
            client.cohorts.get("example")


def test_a_closed_client(server: FakeCohorts) -> None:
    client = gs.Client(server.target)
    client.close()
    for call in (client.cohorts.get, client.cohorts.watch):
        with pytest.raises(gs.ClosedClientError):
            call("example")


async def test_the_asyncio_client_says_the_same(server: FakeCohorts, client: gs.Client, spec: Path) -> None:
    async with gs.AsyncClient(server.target) as other:
        assert await other.cohorts.submit(spec) == await asyncio.to_thread(client.cohorts.submit, spec)
        assert await other.cohorts.get("example") == await asyncio.to_thread(client.cohorts.get, "example")
        assert await other.cohorts.list() == await asyncio.to_thread(client.cohorts.list)
        assert await other.cohorts.cancel("example") == await asyncio.to_thread(client.cohorts.cancel, "example")
        assert [state async for state in other.cohorts.watch("example")] == await asyncio.to_thread(
            lambda: list(client.cohorts.watch("example"))
        )
        server.failures = [(Code.RESOURCE_EXHAUSTED, detail("CohortQueueFullError", retry_after_ms=1)), bad_spec()]
        with pytest.raises(gs.InvalidSpecError):
            await other.cohorts.submit_text(SPEC, retries=1)
        server.failures = [(Code.NOT_FOUND, detail("UnknownCohortError"))]
        with pytest.raises(gs.NotFoundError):
            [state async for state in other.cohorts.watch("none")]
        server.hangs = True
        watching = asyncio.create_task(anext(aiter(other.cohorts.watch("example"))))
        assert (await watching).id == "example"


def test_commands_print_tables_and_documents(server: FakeCohorts, spec: Path) -> None:
    for arguments in (["submit", str(spec)], ["get", "example"], ["cancel", "example"]):
        shown = command(server, *arguments)
        assert shown.exit_code == 0, shown.output
        row = next(line.split() for line in shown.stdout.splitlines() if line.startswith("example"))
        assert row == ["example", "running", "1", "200", "7", "1", "2", "2026-01-01", "00:00", "UTC"]
        assert "Output: s3://bucket/example" in shown.stdout
        document = json.loads(command(server, *arguments, "--json").stdout)
        assert (document["schema"], document["cohort"]["phase"]) == ("glioserve.cohort/1", "running")
    assert "example" in command(server, "list").stdout
    document = json.loads(command(server, "list", "--limit", "3", "--json").stdout)
    assert (document["schema"], len(document["cohorts"])) == ("glioserve.cohorts/1", 1)


def test_options_of_submit_reach_the_server(server: FakeCohorts, spec: Path) -> None:
    done = command(server, "submit", str(spec), "--id", "mine", "--shards", "8", "--output", "s3://a/b")
    assert done.exit_code == 0, done.output
    assert server.requests == [cohort_pb2.SubmitCohortRequest(spec=SPEC, id="mine", shards=8, output="s3://a/b")]


@pytest.mark.parametrize(("last", "code"), [("COMPLETED", 0), ("FAILED", 1), ("CANCELLED", 1)])
def test_following_a_cohort_to_its_end(server: FakeCohorts, spec: Path, last: str, code: int) -> None:
    server.states = [cohort("RUNNING"), cohort(last, note="why" if last == "FAILED" else "")]
    for arguments in (["watch", "example"], ["submit", str(spec), "--watch"]):
        shown = command(server, *arguments)
        assert shown.exit_code == code, shown.output
        assert last.lower() in shown.stdout
        assert ("Note: why" in shown.stdout) is (last == "FAILED")
        assert shown.stderr == "", "no bar where there is no terminal"
        lines = command(server, *arguments, "--json").stdout.splitlines()
        assert [json.loads(line)["cohort"]["phase"] for line in lines] == ["running", last.lower()]


def test_a_bad_spec_on_the_command_line(server: FakeCohorts, spec: Path) -> None:
    server.failures = [bad_spec(), bad_spec()]
    shown = command(server, "submit", str(spec))
    assert (shown.exit_code, shown.stdout) == (1, "")
    assert "line 2, column 8: cases: must be 1 to 100000, got 0" in shown.stderr
    document = json.loads(command(server, "submit", str(spec), "--json").stdout)
    assert document["error"]["type"] == "InvalidSpecError"
    assert document["error"]["faults"][0] == {
        "line": 2,
        "column": 8,
        "field": "cases",
        "rule": "must be 1 to 100000",
        "got": "0",
    }


def test_commands_that_are_wrong(server: FakeCohorts, tmp_path: Path) -> None:
    for arguments in (["submit", str(tmp_path / "none")], ["get"], ["list", "--limit", "0"], ["watch", "a", "b"]):
        assert command(server, *arguments).exit_code == 2
    assert server.requests == []
