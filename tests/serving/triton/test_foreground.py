"""`glioserve-server triton`: a real Triton in the foreground, told to stop, and ending by itself."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from serving.inference.readiness import check_golden
from serving.inference.triton_predictor import TritonPredictor
from serving.triton.runtime import TritonRuntime

pytestmark = pytest.mark.triton

COMMAND = Path(sys.executable).with_name("glioserve-server")
FREE = ("--http-port", "0", "--metrics-port", "0")


@contextmanager
def running(repository: Path, runtime: TritonRuntime, *options: str) -> Iterator[subprocess.Popen[str]]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GLIOSERVE_")}
    environment["GLIOSERVE_TRITON_RUNTIME"] = str(runtime.root)
    with subprocess.Popen(
        [COMMAND, "triton", "--models", repository, *FREE, *options],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def ready(process: subprocess.Popen[str]) -> str:
    """The address of a Triton, once it says that it is ready."""
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.fullmatch(r"ready on (\S+), metrics on http://\S+/metrics\n", line)
    assert found, line
    return found[1]


def triton_of(process: subprocess.Popen[str]) -> int:
    """Triton's process id: the one child of the guard, which is a child of the command."""
    (guard,) = [child for child in children(process.pid) if b"guard.py" in Path(f"/proc/{child}/cmdline").read_bytes()]
    (triton,) = children(guard)
    return triton


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_a_signal_and_leaves_nothing(
    repository: Path, runtime: TritonRuntime, told: signal.Signals
) -> None:
    with running(repository, runtime, "--grpc-port", "0") as process:
        address = ready(process)
        assert address.startswith("127.0.0.1:")
        with closing(TritonPredictor(address)) as predictor:
            check_golden(predictor)
        triton = triton_of(process)

        process.send_signal(told)

        assert process.wait(60) == 0
        assert not Path(f"/proc/{triton}").exists()
        assert process.stderr is not None
        said = process.stderr.read()
    assert "triton.stopped" in said
    assert "Started GRPCInferenceService" in said, "Triton's own log comes on standard error"


def test_a_triton_that_ends_by_itself_ends_the_command(repository: Path, runtime: TritonRuntime) -> None:
    with running(repository, runtime, "--grpc-port", "0") as process:
        ready(process)
        os.kill(triton_of(process), signal.SIGKILL)

        assert process.wait(60) == 1
        assert process.stderr is not None
        assert "error: triton: must run until it is told to stop, got its end" in process.stderr.read()


def test_a_port_that_is_taken_is_a_line(repository: Path, runtime: TritonRuntime) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with running(repository, runtime, "--grpc-port", port) as process:
            assert process.wait(60) == 1
            assert process.stderr is not None
            assert f"error: triton: must be able to listen on 127.0.0.1:{port}" in process.stderr.read()
