"""All that serves exams on one machine: an engine, the gateway, and Triton where it is the engine."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path

from serving.gateway.server import Gateway
from serving.inference.engine import Engine, InferenceEngine
from serving.inference.onnxruntime_predictor import OnnxRuntimePredictor
from serving.inference.triton_predictor import TritonPredictor
from serving.settings import Settings
from serving.telemetry.opening import traces_url
from serving.triton.launcher import TritonServer
from serving.triton.runtime import find_runtime
from serving.triton.settings import TritonSettings
from serving.triton.supervisor import TritonSupervisor


@asynccontextmanager
async def running_stack(settings: Settings) -> AsyncIterator[Gateway]:
    """A gateway over the engine of the settings. Leaving the context drains the one and stops the other.

    A Triton of our own is restarted when it dies. The engine named is the engine used: none stands in for another.

    Raises:
        ServingError: The engine or the gateway could not be started; what was started is stopped again.
    """
    async with AsyncExitStack() as stack:
        address = settings.triton
        if settings.engine is Engine.TRITON and address is None:
            address = await _start_triton(settings, stack)
        engine = stack.enter_context(closing(await asyncio.to_thread(_open_engine, settings, address)))
        yield await stack.enter_async_context(Gateway(settings, engine, triton=address))


async def _start_triton(settings: Settings, stack: AsyncExitStack) -> str:
    """A Triton of our own until the stack is unwound; its address."""
    log_file = settings.triton_log
    if log_file is None:
        log_file = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="glioserve-"))) / "triton.log"
    served = TritonSettings(
        settings.models, log_file, metrics_port=settings.triton_metrics_port, traces_url=traces_url(settings)
    )
    server = TritonServer(served, find_runtime(settings.triton_runtime))
    supervisor = TritonSupervisor(server)
    await asyncio.to_thread(supervisor.start)
    stack.push_async_callback(asyncio.to_thread, supervisor.stop)
    return server.address


def _open_engine(settings: Settings, address: str | None) -> InferenceEngine:
    if address is not None:
        return TritonPredictor(address, shared_memory=settings.triton_shared_memory)
    return OnnxRuntimePredictor(settings.models)
