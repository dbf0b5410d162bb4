"""Some pieces of work at one time, in threads, none begun once it is known that the result is not wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import TypeVar

Piece = TypeVar("Piece")


def fly(
    pieces: Iterable[Piece],
    work: Callable[[Piece], None],
    *,
    in_flight: int,
    before: Callable[[], None],
    done: Callable[[Piece], None],
) -> None:
    """Work on all pieces. On return, or on an error, none is being worked on any more.

    While a network answers one micro-batch, the next is cut and sent: without that, an engine of several instances
    idles, and any engine idles between two answers.

    Args:
        pieces: In the order in which they are begun.
        work: Called in one of the threads, with this thread's context variables; must be thread-safe.
        in_flight: How many at one time, 1 or more.
        before: Called in this thread before each piece; raises where the result is not wanted any more.
        done: Told in this thread of each finished piece, in the order in which they end.

    Raises:
        Exception: What `before`, `done`, or the first piece that failed raised.
    """
    remaining = iter(pieces)
    flying: dict[Future[None], Piece] = {}
    with ThreadPoolExecutor(in_flight, thread_name_prefix="flight") as pool:
        while True:
            for piece in remaining:
                before()
                flying[pool.submit(copy_context().run, work, piece)] = piece
                if len(flying) == in_flight:
                    break
            if not flying:
                return
            for future in wait(flying, return_when=FIRST_COMPLETED).done:
                piece = flying.pop(future)
                future.result()
                done(piece)
