from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from serving.gateway.admission import Admission
from serving.gateway.errors import DrainingError, QueueFullError


def admission(*, workers: int = 1, queue_capacity: int = 2, upload_memory_bytes: int = 100) -> Admission:
    return Admission(workers=workers, queue_capacity=queue_capacity, upload_memory_bytes=upload_memory_bytes)


class Call:
    """A call that runs until it is told to end."""

    def __init__(self, gate: Admission, size_bytes: int = 1) -> None:
        self.positions: list[int] = []
        self.runs = asyncio.Event()
        self.ends = asyncio.Event()
        self.task = asyncio.create_task(self._run(gate, size_bytes))

    async def _run(self, gate: Admission, size_bytes: int) -> None:
        async with gate.enter(size_bytes), gate.turn(self.positions.append):
            self.runs.set()
            await self.ends.wait()

    async def end(self) -> None:
        self.ends.set()
        await self.task


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_calls_run_in_the_order_in_which_they_came_and_know_their_place() -> None:
    gate = admission()
    first, second, third = (Call(gate) for _ in range(3))
    await settle()
    assert (gate.running, gate.queue_length) == (1, 2)
    assert [call.runs.is_set() for call in (first, second, third)] == [True, False, False]

    await first.end()
    await settle()
    assert second.runs.is_set()
    assert not third.runs.is_set()
    assert (first.positions, second.positions, third.positions) == ([], [0], [1, 0])

    await second.end()
    await third.end()
    assert (gate.running, gate.queue_length, gate.reserved_bytes) == (0, 0, 0)
    await gate.empty()


async def test_a_full_queue_refuses_at_once_and_says_when_to_come_back() -> None:
    gate = admission()
    calls = [Call(gate) for _ in range(3)]
    await settle()

    with pytest.raises(QueueFullError) as caught:
        async with gate.enter(1):
            pass
    assert caught.value.retry_after_s >= 1.0

    for call in calls:
        await call.end()
    async with gate.enter(1):
        pass


async def test_a_call_that_gives_up_leaves_the_line() -> None:
    gate = admission()
    first, second, third = (Call(gate) for _ in range(3))
    await settle()
    second.task.cancel()
    await settle()

    assert third.positions == [1, 0]
    await first.end()
    await settle()
    assert third.runs.is_set()
    await third.end()
    assert gate.queue_length == 0


async def test_uploads_wait_for_memory_in_their_order() -> None:
    gate = admission(workers=3, queue_capacity=3)
    large, larger, small = Call(gate, 70), Call(gate, 80), Call(gate, 10)
    await settle()
    assert gate.reserved_bytes == 70
    # The small one would fit, but would let the larger one wait for ever.
    assert [call.runs.is_set() for call in (large, larger, small)] == [True, False, False]

    await large.end()
    await settle()
    assert gate.reserved_bytes == 90
    await larger.end()
    await small.end()
    assert gate.reserved_bytes == 0


async def test_one_that_waits_for_memory_can_give_up() -> None:
    gate = admission(workers=3, queue_capacity=3)
    large, larger, small = Call(gate, 70), Call(gate, 80), Call(gate, 10)
    await settle()
    larger.task.cancel()
    await settle()
    assert small.runs.is_set()
    await large.end()
    await small.end()
    assert (gate.reserved_bytes, gate.queue_length) == (0, 0)


async def test_more_memory_than_there_is_is_a_fault_of_the_caller() -> None:
    async with AsyncExitStack() as stack:
        with pytest.raises(ValueError, match="can never be had"):
            await stack.enter_async_context(admission().enter(101))


async def test_once_closed_it_takes_nothing_new_and_finishes_the_rest() -> None:
    gate = admission()
    call = Call(gate)
    await settle()
    gate.close()
    with pytest.raises(DrainingError):
        async with gate.enter(1):
            pass
    emptied = asyncio.create_task(gate.empty())
    await settle()
    assert not emptied.done()
    await call.end()
    await emptied
