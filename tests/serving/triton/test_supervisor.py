"""A Triton that is kept running."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from imaging.pipeline.golden import golden_slices
from imaging.regions import Region
from serving.errors import EngineUnavailableError, TritonStartError
from serving.inference.triton_predictor import TritonPredictor
from serving.triton import supervisor as supervisor_module
from serving.triton.launcher import TritonServer
from serving.triton.runtime import TritonRuntime
from serving.triton.settings import TritonSettings
from serving.triton.supervisor import TritonSupervisor


@pytest.mark.triton
def test_starts_it_again_where_it_was(repository: Path, runtime: TritonRuntime, tmp_path: Path) -> None:
    server = TritonServer(TritonSettings(repository, tmp_path / "log"), runtime)
    with TritonSupervisor(server):
        predictor = TritonPredictor(server.address)
        pid = server.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(EngineUnavailableError):
            predictor.predict(Region.WT, golden_slices(3))

        deadline = time.monotonic() + 30.0
        while True:
            try:
                predictor.predict(Region.WT, golden_slices(3))
                break
            except EngineUnavailableError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        assert server.pid != pid
    assert not server.is_running


class FailingServer:
    """Ends at once, and fails to start a number of times."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.restarts = 0
        self.is_running = True
        self.recovered = threading.Event()

    def start(self) -> None:
        self.is_running = False

    def stop(self) -> None:
        self.is_running = False

    def wait(self, timeout_s: float) -> bool:
        time.sleep(timeout_s / 10)
        return not self.is_running

    def restart(self) -> None:
        self.restarts += 1
        if self.restarts <= self.failures:
            raise TritonStartError("triton", "must start", "nothing")
        self.is_running = True
        self.recovered.set()


def test_tries_until_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "_SHORTEST_PAUSE_S", 0.001)
    server = FailingServer(failures=3)

    with TritonSupervisor(server):  # type: ignore[arg-type] # a stand-in that fails when told
        assert server.recovered.wait(20.0)

    assert server.restarts == 4
    assert not server.is_running
