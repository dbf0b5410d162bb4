"""Serves until a signal says stop: what `glioserve-server up` does."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

from threadpoolctl import threadpool_limits

from serving.settings import Settings
from serving.stack import running_stack

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def serve(settings: Settings, *, on_ready: Callable[[str, str], None]) -> None:
    """Run the engine and the gateway until SIGTERM or SIGINT, then drain. A second signal ends the process at once.

    Args:
        settings: Of this server.
        on_ready: Told the addresses of the gateway and of its metrics, `host:port` both, when exams can be segmented.

    Raises:
        ServingError: The engine or the gateway could not be started.
    """
    # Exams are what runs side by side here; BLAS's own threads would spin for work beside them.
    with threadpool_limits(limits=1, user_api="blas"):
        asyncio.run(_serve(settings, on_ready))


async def _serve(settings: Settings, on_ready: Callable[[str, str], None]) -> None:
    stopping = _stopped_by_signal()
    async with running_stack(settings) as gateway:
        ready = asyncio.ensure_future(gateway.ready())
        stopped = asyncio.ensure_future(stopping.wait())
        try:
            await asyncio.wait((ready, stopped), return_when=asyncio.FIRST_COMPLETED)
            if not stopped.done():
                on_ready(gateway.address, gateway.metrics_address)
            await stopped
        finally:
            ready.cancel()
            stopped.cancel()


def _stopped_by_signal() -> asyncio.Event:
    """An event that the first signal sets; the next one acts as it does without us."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()

    def stop() -> None:
        for each in STOP_SIGNALS:
            loop.remove_signal_handler(each)
        stopping.set()

    for each in STOP_SIGNALS:
        loop.add_signal_handler(each, stop)
    return stopping
