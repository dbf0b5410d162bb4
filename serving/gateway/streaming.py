"""A call that tells of its progress: its events as they come, then its outcome."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from serving.gateway.answers import Emit, Event

Outcome = TypeVar("Outcome")


@dataclass(frozen=True)
class Finished(Generic[Outcome]):
    """The work is done."""

    outcome: Outcome


async def follow(
    start: Callable[[Emit], Coroutine[Any, Any, Outcome]],
) -> AsyncGenerator[Event | Finished[Outcome], None]:
    """Do the work in a task of its own, and tell what it emits; last comes `Finished`.

    Closing the generator cancels the work and waits until it has ended.

    Args:
        start: The work, given what takes its events.

    Raises:
        Exception: What the work raised.
    """
    events: asyncio.Queue[Event | None] = asyncio.Queue()
    work = asyncio.create_task(start(events.put_nowait))

    def finish(ended: asyncio.Task[Outcome]) -> None:
        events.put_nowait(None)
        if not ended.cancelled():
            ended.exception()  # seen, even where nobody is left to be told

    work.add_done_callback(finish)
    try:
        while (event := await events.get()) is not None:
            yield event
        yield Finished(await work)
    finally:
        # Of no effect once the work is done; else the client has left, and its work must not go on.
        work.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait([work])
