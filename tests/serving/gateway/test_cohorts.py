"""CohortService on a real socket; workers stand in for `serving.batch`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from glioserve.v1 import cohort_pb2 as pb
from glioserve.v1.cohort_pb2_grpc import CohortServiceStub
from grpc import aio

from serving.cohorts.desk import CohortDesk, OnJobs
from serving.cohorts.order import OrderPolicy
from serving.gateway import server as server_module
from serving.gateway.server import Gateway
from tests.serving.cohorts.support import Stage, local_runner
from tests.serving.gateway.support import FakeEngine, detail_of, small_settings
from tests.serving.gateway.test_server import metrics_of

SPEC = "name: example\ncases: 3\nsources:\n  - kind: builtin\n"
Code = grpc.StatusCode


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with Stage(tmp_path / "s").open() as stage:
        yield stage


@pytest.fixture
async def gateway(
    engine: FakeEngine, stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Gateway]:
    def open_desk(_: Any, *, triton: str | None, on_jobs: OnJobs) -> CohortDesk:
        assert triton is None
        runner = local_runner(tmp_path / "cohorts", stage.command())
        policy = OrderPolicy(runner.place, bucket="s3://bucket/cohorts", shards=1, max_shards=4)
        return CohortDesk(runner, policy, on_jobs=on_jobs, watch_period_s=0.02)

    monkeypatch.setattr(server_module, "open_desk", open_desk)
    async with Gateway(small_settings(), engine) as gateway:
        yield gateway


@pytest.fixture
async def channel(gateway: Gateway) -> AsyncIterator[aio.Channel]:
    async with aio.insecure_channel(gateway.address) as channel:
        yield channel


@pytest.fixture
def stub(channel: aio.Channel) -> Any:
    return CohortServiceStub(channel)


async def submit(stub: Any, spec: str = SPEC, **changes: Any) -> pb.Cohort:
    return (await stub.Submit(pb.SubmitCohortRequest(spec=spec, **changes), timeout=30)).cohort


async def test_a_cohort_is_watched_to_its_end(stub: Any, stage: Stage, tmp_path: Path) -> None:
    cohort = await submit(stub, shards=2)
    assert cohort.id == f"example-{cohort.spec_sha256[:8]}"
    assert (cohort.cases, cohort.shards) == (3, 2)
    assert cohort.output == str(tmp_path / "cohorts" / cohort.id / "output")
    states: list[pb.Cohort] = []
    seen = asyncio.Event()

    async def follow() -> None:
        async for answer in stub.Watch(pb.WatchCohortRequest(id=cohort.id), timeout=30):
            states.append(answer.cohort)
            if answer.cohort.released == 1:
                seen.set()

    following = asyncio.create_task(follow())
    worker = await stage.next()
    await worker.make()
    await seen.wait()
    await worker.make(2)
    await worker.exit(0)
    await following
    assert states[-1].phase == pb.COHORT_PHASE_COMPLETED
    assert [state.released for state in states] == sorted(state.released for state in states)
    assert states[-1].released == 3
    assert (await stub.Get(pb.GetCohortRequest(id=cohort.id))).cohort == states[-1]


async def test_orders_are_listed_and_cancelled(stub: Any, stage: Stage) -> None:
    await submit(stub, id="first")
    await submit(stub, id="second")
    listed = (await stub.List(pb.ListCohortsRequest())).cohorts
    assert [each.id for each in listed] == ["second", "first"]
    assert len((await stub.List(pb.ListCohortsRequest(limit=1))).cohorts) == 1
    cancelled = (await stub.Cancel(pb.CancelCohortRequest(id="second"))).cohort
    assert cancelled.phase == pb.COHORT_PHASE_CANCELLED
    await (await stage.next()).exit(0)


async def test_the_same_order_twice_is_one_cohort(stub: Any, stage: Stage) -> None:
    first, second = await submit(stub), await submit(stub, SPEC + "# a remark\n")
    assert first.id == second.id
    assert first.submitted_unix_s == second.submitted_unix_s
    await stage.next()
    assert stage.is_empty


@pytest.mark.parametrize(
    ("changes", "code", "kind", "field"),
    [
        ({"id": "../../etc"}, Code.INVALID_ARGUMENT, "CohortOrderError", "id"),
        ({"id": "a" * 41}, Code.INVALID_ARGUMENT, "CohortOrderError", "id"),
        ({"output": "/etc"}, Code.INVALID_ARGUMENT, "CohortOrderError", "output"),
        ({"shards": 5}, Code.INVALID_ARGUMENT, "CohortOrderError", "shards"),
        ({"id": "taken"}, Code.ALREADY_EXISTS, "CohortConflictError", "id"),
    ],
)
async def test_orders_that_can_not_be_taken(
    stub: Any, changes: dict[str, Any], code: grpc.StatusCode, kind: str, field: str
) -> None:
    await submit(stub, SPEC.replace("3", "4"), id="taken")
    with pytest.raises(aio.AioRpcError) as caught:
        await submit(stub, **changes)
    assert caught.value.code() is code
    detail = detail_of(caught.value)
    assert (detail.kind, detail.field) == (kind, field)


async def test_a_bad_spec_tells_all_its_faults_with_their_lines(stub: Any) -> None:
    with pytest.raises(aio.AioRpcError) as caught:
        await submit(stub, "name: example\ncases: 0\nsoures: []\nsources:\n  - kind: builtin\n    weight: -1\n")
    assert caught.value.code() is Code.INVALID_ARGUMENT
    detail = detail_of(caught.value)
    assert detail.kind == "SpecError"
    found = {(fault.line, fault.field) for fault in detail.faults}
    assert {(2, "cases"), (3, "soures")} <= found
    assert any(line == 6 for line, _ in found)
    assert detail.faults_left_out == 0


async def test_very_many_faults_fit_into_the_answer(stub: Any) -> None:
    keys = "".join(f"nonsense_{number}: 1\n" for number in range(500))
    with pytest.raises(aio.AioRpcError) as caught:
        await submit(stub, SPEC + keys)
    detail = detail_of(caught.value)
    assert 10 < len(detail.faults) < 500
    assert len(detail.faults) + detail.faults_left_out == 500


@pytest.mark.parametrize(
    "call",
    [
        lambda stub: stub.Get(pb.GetCohortRequest(id="none")),
        lambda stub: stub.Cancel(pb.CancelCohortRequest(id="none")),
        lambda stub: stub.Watch(pb.WatchCohortRequest(id="none")).read(),
    ],
)
async def test_an_unknown_cohort(stub: Any, call: Any) -> None:
    with pytest.raises(aio.AioRpcError) as caught:
        await call(stub)
    assert caught.value.code() is Code.NOT_FOUND
    assert detail_of(caught.value).kind == "UnknownCohortError"


async def test_a_limit_beyond_the_largest(stub: Any) -> None:
    with pytest.raises(aio.AioRpcError, match="limit"):
        await stub.List(pb.ListCohortsRequest(limit=1001))


async def test_stopping_ends_watches_and_workers_and_the_next_server_goes_on(
    gateway: Gateway, stub: Any, stage: Stage, tmp_path: Path
) -> None:
    await submit(stub, id="example")
    worker = await stage.next()
    await worker.make()
    watching = stub.Watch(pb.WatchCohortRequest(id="example"))
    assert (await anext(aiter(watching))).cohort.id == "example"
    closing = asyncio.create_task(gateway.__aexit__(None, None, None))
    with pytest.raises(aio.AioRpcError) as caught:
        [answer async for answer in watching]
    assert caught.value.code() is Code.UNAVAILABLE
    assert detail_of(caught.value).kind == "CohortsClosingError"
    await worker.gone()
    await closing
    runner = local_runner(tmp_path / "cohorts", stage.command())
    await runner.open()
    await stage.next()
    assert (await runner.get("example")).counts.released == 1
    await runner.close()


async def test_metrics_count_cohorts_and_cases(gateway: Gateway, stub: Any, stage: Stage) -> None:
    await submit(stub, id="example")
    worker = await stage.next()
    await worker.make(2)
    await gateway._cohorts.tally()
    lines = (await metrics_of(gateway)).splitlines()
    assert 'glioserve_cohort_jobs{phase="running"} 1.0' in lines
    assert 'glioserve_cohort_jobs{phase="failed"} 0.0' in lines
    assert 'glioserve_cohort_cases{fate="released"} 2.0' in lines
    assert 'glioserve_calls_total{code="OK",method="v1.CohortService/Submit"} 1.0' in lines


async def test_a_server_without_a_place_for_cohorts_says_so(engine: FakeEngine) -> None:
    async with Gateway(small_settings(), engine) as gateway, aio.insecure_channel(gateway.address) as channel:
        for call in (
            submit(CohortServiceStub(channel)),
            CohortServiceStub(channel).List(pb.ListCohortsRequest()),
            CohortServiceStub(channel).Watch(pb.WatchCohortRequest(id="a")).read(),
        ):
            with pytest.raises(aio.AioRpcError, match="GLIOSERVE_COHORTS") as caught:
                await call
            assert caught.value.code() is Code.FAILED_PRECONDITION
