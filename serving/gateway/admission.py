"""Who may enter, who waits, who runs: a bounded queue before a fixed number of workers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from serving.gateway.errors import DrainingError, QueueFullError

_FIRST_GUESS_S = 5.0
_SHORTEST_RETRY_S, _LONGEST_RETRY_S = 1.0, 120.0


class Admission:
    """Bounds the calls that the server holds, and the memory that their uploads take.

    A call enters (or is turned away at once), reserves memory for its upload, and then waits for its turn. Both
    waits are first in, first out. Of one event loop, not thread-safe.

    Args:
        workers: Calls that run at one time.
        queue_capacity: Calls more that may wait or upload.
        upload_memory_bytes: Bytes that the uploads of all these calls may take together.
    """

    def __init__(self, *, workers: int, queue_capacity: int, upload_memory_bytes: int) -> None:
        self.queue_capacity = queue_capacity
        self._workers = workers
        self._slots = asyncio.Semaphore(workers)
        self._memory = _MemoryBudget(upload_memory_bytes)
        self._held = 0
        self._running = 0
        self._waiting: list[Callable[[int], None]] = []
        self._typical_run_s = _FIRST_GUESS_S
        self._draining = False
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def running(self) -> int:
        """Calls that run now."""
        return self._running

    @property
    def queue_length(self) -> int:
        """Calls that upload or wait now."""
        return self._held - self._running

    @property
    def reserved_bytes(self) -> int:
        """Bytes that are reserved for uploads now."""
        return self._memory.reserved_bytes

    @asynccontextmanager
    async def enter(self, size_bytes: int) -> AsyncIterator[None]:
        """A place in the server, with memory for an upload of this size; for as long as the context lasts.

        Raises:
            QueueFullError: All places are taken. Raised at once.
            DrainingError: The server takes nothing new. Raised at once.
        """
        if self._draining:
            raise DrainingError("server", "must be taking new calls", "a server that stops", retry_after_s=5.0)
        if self._held >= self._workers + self.queue_capacity:
            raise QueueFullError(
                "queue",
                f"at most {self.queue_capacity} calls may wait",
                "a full queue",
                retry_after_s=self.expected_wait_s(),
            )
        self._held += 1
        self._empty.clear()
        try:
            async with self._memory.reserve(size_bytes):
                yield
        finally:
            self._held -= 1
            if not self._held:
                self._empty.set()

    @asynccontextmanager
    async def turn(self, on_position: Callable[[int], None]) -> AsyncIterator[None]:
        """One of the workers, for as long as the context lasts.

        Args:
            on_position: Told the number of calls ahead, whenever it changes. Not called when there is no wait.
        """
        if self._slots.locked():
            self._waiting.append(on_position)
            on_position(len(self._waiting) - 1)
            try:
                await self._slots.acquire()
            finally:
                self._leave_line(on_position)
        else:
            await self._slots.acquire()
        self._running += 1
        started = time.monotonic()
        try:
            yield
        finally:
            self._running -= 1
            self._slots.release()
            self._typical_run_s += 0.2 * (time.monotonic() - started - self._typical_run_s)

    def expected_wait_s(self) -> float:
        """Roughly when a place will be free."""
        wait_s = self._typical_run_s * (self.queue_length + 1) / self._workers
        return min(max(wait_s, _SHORTEST_RETRY_S), _LONGEST_RETRY_S)

    def close(self) -> None:
        """Take nothing new from now on."""
        self._draining = True

    async def empty(self) -> None:
        """Wait until no call is held."""
        await self._empty.wait()

    def _leave_line(self, on_position: Callable[[int], None]) -> None:
        place = self._waiting.index(on_position)
        del self._waiting[place]
        for position, behind in enumerate(self._waiting[place:], start=place):
            behind(position)


class _MemoryBudget:
    """Bytes that may be taken; who can't have them yet waits, first in, first out."""

    def __init__(self, total_bytes: int) -> None:
        self._total_bytes = total_bytes
        self._free_bytes = total_bytes
        self._head_of_line = asyncio.Lock()
        self._freed = asyncio.Event()

    @property
    def reserved_bytes(self) -> int:
        return self._total_bytes - self._free_bytes

    @asynccontextmanager
    async def reserve(self, size_bytes: int) -> AsyncIterator[None]:
        if size_bytes > self._total_bytes:
            raise ValueError(f"{size_bytes} bytes can never be had of {self._total_bytes}")
        async with self._head_of_line:
            while self._free_bytes < size_bytes:
                self._freed.clear()
                await self._freed.wait()
            self._free_bytes -= size_bytes
        try:
            yield
        finally:
            self._free_bytes += size_bytes
            self._freed.set()
