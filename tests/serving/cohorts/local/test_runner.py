"""Jobs of this machine, with real processes that stand in for the real worker."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from serving.cohorts.errors import (
    CohortConflictError,
    CohortQueueFullError,
    CohortStoreError,
    UnknownCohortError,
)
from serving.cohorts.job import CaseCounts, JobPhase
from serving.cohorts.local.runner import LocalRunner
from serving.errors import EngineUnavailableError
from tests.serving.cohorts.support import Stage, local_runner, order, until

Phase = JobPhase
ROOT = Path(__file__).resolve().parents[4]
Make = Callable[..., LocalRunner]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with Stage(tmp_path / "s").open() as stage:
        yield stage


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "cohorts"


@pytest.fixture
async def make(root: Path, stage: Stage) -> AsyncIterator[Make]:
    """Runners over one root, closed at the end."""
    made = []

    def runner(*flags: str, **changes: Any) -> LocalRunner:
        made.append(local_runner(root, stage.command(*flags), **changes))
        return made[-1]

    yield runner
    for each in made:
        await each.close()


async def opened(runner: LocalRunner) -> LocalRunner:
    await runner.open()
    return runner


async def test_a_cohort_from_its_order_to_its_end(make: Make, stage: Stage, root: Path) -> None:
    runner = await opened(make())
    job = await runner.submit(order(root=root))
    assert (job.id, job.cases, job.shards, job.note) == ("example", 3, 1, "")
    worker = await stage.next()
    await worker.make(2)
    job = await runner.get("example")
    assert (job.phase, job.counts) == (Phase.RUNNING, CaseCounts(released=2))
    await worker.make()
    await worker.exit(0)
    job = await until(runner, "example", Phase.COMPLETED)
    assert job.counts == CaseCounts(released=3)
    record = json.loads((root / "example" / "job.json").read_text())
    assert (record["outcome"]["phase"], record["outcome"]["released"]) == ("completed", 3)
    assert (root / "example" / "cohort.yaml").read_text() == "name: example\n"


async def test_no_more_run_than_may_and_the_first_come_first(make: Make, stage: Stage, root: Path) -> None:
    runner = await opened(make(jobs=1, queue_capacity=2))
    for name in ("a", "c", "b"):
        await runner.submit(order(name, root=root))
    first = await stage.next()
    assert [job.phase for job in await runner.recent(9)] == [Phase.QUEUED, Phase.QUEUED, Phase.RUNNING]
    assert [job.id for job in await runner.recent(2)] == ["b", "c"]
    with pytest.raises(CohortQueueFullError, match="at most 2"):
        await runner.submit(order("d", root=root))
    assert not (root / "d").exists()
    assert stage.is_empty
    await first.exit(0)
    second = await stage.next()
    assert (await runner.get("c")).phase is Phase.RUNNING
    assert (await runner.get("b")).phase is Phase.QUEUED
    await second.exit(0)
    await (await stage.next()).exit(0)
    await until(runner, "b", Phase.COMPLETED)


async def test_the_same_order_is_the_same_job_and_another_is_a_conflict(make: Make, stage: Stage, root: Path) -> None:
    runner = await opened(make())
    first = await runner.submit(order(root=root))
    worker = await stage.next()
    again = await runner.submit(order(root=root))
    assert (again.id, again.submitted_unix_s) == (first.id, first.submitted_unix_s)
    for changes, field in (
        ({"spec_sha256": "b" * 64}, "id"),
        ({"output": "s3://else/where"}, "output"),
        ({"shards": 2}, "shards"),
    ):
        with pytest.raises(CohortConflictError) as caught:
            await runner.submit(order(root=root, **changes))
        assert caught.value.field == field
    await worker.exit(0)
    await until(runner, "example", Phase.COMPLETED)
    assert (await runner.submit(order(root=root, shards=2))).phase is Phase.COMPLETED
    assert stage.is_empty


@pytest.mark.parametrize(
    ("code", "said", "note"),
    [
        (1, "error: triton: must answer, got nothing", "exit code 1: triton: must answer, got nothing"),
        (1, "a line of the log", "the worker ended with exit code 1"),
        (2, "error: cohort.yaml:1:1: cases: must be 1 to 9", "refused the spec: cohort.yaml:1:1: cases"),
    ],
)
async def test_a_worker_that_fails_says_why(
    make: Make, stage: Stage, root: Path, code: int, said: str, note: str
) -> None:
    runner = await opened(make())
    await runner.submit(order(root=root))
    worker = await stage.next()
    await worker.make()
    await worker.say(said)
    await worker.exit(code)
    job = await until(runner, "example", Phase.FAILED)
    assert note in job.note
    assert job.counts.released == 1


async def test_a_failed_cohort_goes_on_when_it_is_ordered_again(make: Make, stage: Stage, root: Path) -> None:
    runner = await opened(make())
    await runner.submit(order(root=root))
    worker = await stage.next()
    await worker.make()
    os.kill(worker.pid, signal.SIGKILL)
    job = await until(runner, "example", Phase.FAILED)
    assert job.note == "the worker was ended by signal 9"
    assert (await runner.submit(order(root=root, shards=4))).shards == 4
    worker = await stage.next()
    await worker.make(2)
    await worker.exit(0)
    assert (await until(runner, "example", Phase.COMPLETED)).counts.released == 3


async def test_cancelling_lets_the_case_in_hand_finish(make: Make, stage: Stage, root: Path) -> None:
    runner = await opened(make())
    await runner.submit(order(root=root))
    worker = await stage.next()
    await worker.make()
    assert (await runner.cancel("example")).phase in {Phase.STOPPING, Phase.CANCELLED}
    await worker.gone()
    job = await until(runner, "example", Phase.CANCELLED)
    assert job.counts.released == 1
    assert (await runner.cancel("example")) == job, "a second time changes nothing"
    await runner.submit(order(root=root))
    await (await stage.next()).exit(0)
    await until(runner, "example", Phase.COMPLETED)


async def test_cancelling_what_waits(make: Make, stage: Stage, root: Path) -> None:
    runner = await opened(make())
    await runner.submit(order("a", root=root))
    await runner.submit(order("b", root=root))
    worker = await stage.next()
    assert (await runner.cancel("b")).phase is Phase.CANCELLED
    await worker.exit(0)
    await until(runner, "a", Phase.COMPLETED)
    assert stage.is_empty


async def test_a_worker_that_does_not_stop_is_killed_with_all_that_it_started(
    make: Make, stage: Stage, root: Path
) -> None:
    runner = await opened(make("--stubborn", "--child", grace_s=0.1))
    await runner.submit(order(root=root))
    worker = await stage.next()
    await worker.make()
    await runner.cancel("example")
    assert (await until(runner, "example", Phase.CANCELLED)).counts.released == 1
    for pid in (worker.pid, worker.child):
        assert not is_alive(pid)


async def test_an_order_while_it_stops_lets_it_go_on(make: Make, stage: Stage, root: Path) -> None:
    runner = await opened(make("--stubborn", grace_s=0.3))
    await runner.submit(order(root=root))
    worker = await stage.next()
    assert (await runner.cancel("example")).phase is Phase.STOPPING
    assert not (await runner.submit(order(root=root))).phase.has_ended
    await worker.gone()
    await (await stage.next()).exit(0)
    await until(runner, "example", Phase.COMPLETED)


async def test_what_a_runner_leaves_the_next_one_takes_up(make: Make, stage: Stage, root: Path) -> None:
    first = await opened(make())
    await first.submit(order("a", root=root))
    await first.submit(order("b", root=root))
    worker = await stage.next()
    await worker.make()
    await first.close()
    await worker.gone()
    assert json.loads((root / "a" / "job.json").read_text())["outcome"] is None

    second = await opened(make())
    worker = await stage.next()
    job = await second.get("a")
    assert (job.phase, job.counts.released) == (Phase.RUNNING, 1)
    assert (await second.get("b")).phase is Phase.QUEUED
    await worker.make(2)
    await worker.exit(0)
    await (await stage.next()).exit(0)
    assert (await until(second, "a", Phase.COMPLETED)).counts.released == 3
    await until(second, "b", Phase.COMPLETED)


HOST = """
import asyncio, sys
from pathlib import Path
from tests.serving.cohorts.support import StandInCommand, local_runner, order

async def main():
    root = Path(sys.argv[1])
    runner = local_runner(root, StandInCommand(Path(sys.argv[2])))
    await runner.open()
    await runner.submit(order(root=root))
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_server_that_is_killed_leaves_no_worker_and_loses_no_case(make: Make, stage: Stage, root: Path) -> None:
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOST, str(root), str(stage.socket), cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    worker = await stage.next()
    await worker.make(2)
    server.kill()
    await server.wait()
    await worker.gone()
    runner = await opened(make())
    successor = await stage.next()
    assert (await runner.get("example")).counts.released == 2
    await successor.exit(0)
    await until(runner, "example", Phase.COMPLETED)


async def test_a_cohort_that_was_being_cancelled_is_not_taken_up(make: Make, stage: Stage, root: Path) -> None:
    first = await opened(make())
    await first.submit(order(root=root))
    await stage.next()
    await first.close()
    path = root / "example" / "job.json"
    path.write_text(path.read_text().replace('"cancelled": false', '"cancelled": true'))
    second = await opened(make())
    assert (await second.get("example")).phase is Phase.CANCELLED
    assert stage.is_empty


async def test_a_root_belongs_to_one_server(make: Make) -> None:
    first = await opened(make())
    with pytest.raises(CohortStoreError, match="must belong to one server"):
        await opened(make())
    await first.close()
    await opened(make())


async def test_a_damaged_record_stops_nothing_else(
    make: Make, stage: Stage, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, content in (("bad", "{"), ("moved", "")):
        (root / name).mkdir(parents=True)
        (root / name / "job.json").write_text(content)
    (root / "half").mkdir()
    runner = await opened(make())
    assert caplog.messages.count("cohort.record_damaged") == 2
    assert await runner.recent(9) == ()
    with pytest.raises(CohortStoreError, match="damaged record"):
        await runner.submit(order("bad", root=root))
    await runner.submit(order("half", root=root))
    await (await stage.next()).exit(0)
    await until(runner, "half", Phase.COMPLETED)


async def test_a_root_that_can_not_be_written(make: Make, root: Path) -> None:
    await asyncio.to_thread(root.touch)
    with pytest.raises(CohortStoreError, match="cohorts: must be a folder"):
        await opened(make())


async def test_a_worker_that_can_not_start_is_a_failed_cohort(
    make: Make, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runner = await opened(make())
    (root / "example" / "log.txt").mkdir(parents=True)
    with caplog.at_level(logging.ERROR):
        await runner.submit(order(root=root))
        job = await until(runner, "example", Phase.FAILED)
    assert job.note.startswith("worker: must start")


async def test_an_unknown_cohort(make: Make) -> None:
    runner = await opened(make())
    for call in (runner.get, runner.cancel):
        with pytest.raises(UnknownCohortError):
            await call("../../etc")


async def test_an_output_that_can_not_be_read_is_said(make: Make, stage: Stage, root: Path) -> None:
    def count(_: str) -> CaseCounts:
        raise EngineUnavailableError("store", "must answer", "nothing")

    runner = await opened(make(count=count))
    job = await runner.submit(order(root=root))
    assert job.note == "the output can't be read: store: must answer, got nothing"
    await (await stage.next()).exit(0)
    assert "store: must answer" in (await until(runner, "example", Phase.COMPLETED)).note


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be collected by init does not."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
