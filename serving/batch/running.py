"""A Triton for as long as a cohort is made."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from serving.inference.engine import Engine
from serving.settings import Settings
from serving.triton.launcher import TritonServer
from serving.triton.runtime import find_runtime
from serving.triton.settings import TritonSettings
from serving.triton.supervisor import TritonSupervisor


@contextmanager
def running_triton(settings: Settings) -> Iterator[Settings]:
    """Settings whose engine runs: where it is to be a Triton of our own, that one is started, and named in them.

    It is started again when it dies; a cohort takes hours. Any number of processes may use it.

    Raises:
        ServingError: It could not be started.
    """
    if settings.engine is not Engine.TRITON or settings.triton is not None:
        yield settings
        return
    with tempfile.TemporaryDirectory(prefix="glioserve-") as folder:
        log_file = settings.triton_log or Path(folder, "triton.log")
        server = TritonServer(TritonSettings(settings.models, log_file), find_runtime(settings.triton_runtime))
        with TritonSupervisor(server):
            yield settings.model_copy(update={"triton": server.address})
