"""Cohorts ordered from a whole server: real Triton, real workers, the client that others install."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import glioserve
import pytest

from serving.batch.state import read_state
from tests.e2e.running_server import running_server
from tests.serving.batch.fakes import spec_text, write_library

pytestmark = pytest.mark.triton


LONG = 40
"""Cases of a cohort that is still in the making when it is looked at, on a busy machine too."""


async def until_released(client: glioserve.AsyncClient, cohort: str, cases: int) -> glioserve.Cohort:
    async with asyncio.timeout(200):
        async for state in client.cohorts.watch(cohort):
            if state.released >= cases or state.phase.has_ended:
                return state
    raise AssertionError("the watch ended early")


async def to_its_end(client: glioserve.AsyncClient, cohort: str) -> glioserve.Cohort:
    async with asyncio.timeout(200):
        return [state async for state in client.cohorts.watch(cohort)][-1]


async def test_a_cohort_outlives_its_server(models: Path, tmp_path: Path) -> None:
    write_library(tmp_path / "store" / "maps")
    settings = {"cohorts": tmp_path / "cohorts", "cohort_maps": tmp_path / "store", "golden_period_s": 1}
    short, long = tmp_path / "short.yaml", tmp_path / "long.yaml"
    await asyncio.to_thread(short.write_text, spec_text(cases=2))
    await asyncio.to_thread(long.write_text, spec_text(cases=LONG))
    for name in ("first", "second"):
        await asyncio.to_thread((tmp_path / name).mkdir)

    with running_server(models, tmp_path / "first", **settings) as server:
        async with glioserve.AsyncClient(server.address) as client:
            ordered = await client.cohorts.submit(short, cohort_id="short")
            done = await to_its_end(client, "short")
            assert (done.phase, done.released, done.note) == (glioserve.CohortPhase.COMPLETED, 2, "")
            assert await client.cohorts.submit(short, cohort_id="short") == done
            assert ordered.submitted == done.submitted
            await client.cohorts.submit(long, cohort_id="long")
            before = await until_released(client, "long", 1)
            assert before.phase is glioserve.CohortPhase.RUNNING
            server.process.send_signal(signal.SIGKILL)
            await asyncio.to_thread(server.process.wait)

    with running_server(models, tmp_path / "second", **settings) as server:
        async with glioserve.AsyncClient(server.address) as client:
            after = await client.cohorts.get("long")
            assert after.released >= before.released
            assert not after.phase.has_ended
            await client.cohorts.cancel("long")
            stopped = await to_its_end(client, "long")
            assert stopped.phase is glioserve.CohortPhase.CANCELLED
            again = await client.cohorts.submit(long, cohort_id="long", shards=2)
            assert again.released >= stopped.released
            done = await to_its_end(client, "long")
            assert (done.phase, done.released, done.shards) == (glioserve.CohortPhase.COMPLETED, LONG, 2)
            assert [each.id for each in await client.cohorts.list()] == ["long", "short"]
    for cohort, cases in (("short", 2), ("long", LONG)):
        state = await asyncio.to_thread(read_state, str(tmp_path / "cohorts" / cohort / "output"))
        assert (state.released, state.is_complete) == (cases, True)
