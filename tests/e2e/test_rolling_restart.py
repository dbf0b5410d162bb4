"""Two replicas are restarted one after the other, gateway and Triton each, while eight clients go on calling."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from glioserve import Client, ExamFiles

from serving.triton.runtime import build_runtime
from tests.e2e.running_server import COMMAND
from tests.serving.gateway.support import exam_files

pytestmark = [pytest.mark.triton, pytest.mark.timeout(300)]

CLIENTS = 8
EXAMS = 3
"""Different ones."""
PATIENCE_S = 60.0


def free_port() -> int:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


class Part:
    """A process that can be restarted in its place."""

    def __init__(self, stack: ExitStack, log: Path, *arguments: str | Path, **settings: object) -> None:
        self._arguments = arguments
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("GLIOSERVE_")}
        self._environment |= {f"GLIOSERVE_{name.upper()}": f"{value}" for name, value in settings.items()}
        self._log = stack.enter_context(log.open("w"))
        self._start()
        stack.callback(self.stop)

    def restart(self) -> None:
        """As a rolling update does it: SIGTERM, wait for the end, start anew, wait until it is ready."""
        assert self.stop() == 0
        self._start()

    def stop(self) -> int:
        """The exit code."""
        self._process.send_signal(signal.SIGTERM)
        with self._process:
            return self._process.wait(PATIENCE_S)

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [COMMAND, *self._arguments], env=self._environment, stdout=subprocess.PIPE, stderr=self._log, text=True
        )
        assert any("ready" in line for line in self._process.stdout or ()), Path(self._log.name).read_text()


@contextmanager
def replica(models: Path, folder: Path) -> Iterator[tuple[int, Part, Part]]:
    """The gateway's port, the gateway, and its Triton."""
    port, triton_port = free_port(), free_port()
    runtime = build_runtime().root
    with ExitStack() as stack:
        triton = Part(
            stack,
            folder / "triton.log",
            *("triton", "--models", models, "--grpc-port", f"{triton_port}", "--http-port", "0", "--metrics-port", "0"),
            triton_runtime=runtime,
        )
        gateway = Part(
            stack,
            folder / "gateway.log",
            *("up", "--models", models, "--port", f"{port}", "--metrics-port", "0"),
            triton=f"127.0.0.1:{triton_port}",
            workers=2,
        )
        yield port, gateway, triton


def write_exams(folder: Path) -> list[ExamFiles]:
    exams = []
    for seed in range(EXAMS):
        files = {}
        for modality, content in exam_files(seed).items():
            files[modality.value] = folder / f"{seed}-{modality.value}.nii.gz"
            files[modality.value].write_bytes(content)
        exams.append(ExamFiles(**files))
    return exams


def test_no_exam_is_lost_and_no_answer_is_wrong(models: Path, tmp_path: Path) -> None:
    exams = write_exams(tmp_path)
    folders = [tmp_path / name for name in ("one", "other")]
    for folder in folders:
        folder.mkdir()
    over = threading.Event()
    answered = [0] * CLIENTS
    faults: list[str] = []

    with replica(models, folders[0]) as (port, *first), replica(models, folders[1]) as (other_port, *second):
        target = f"ipv4:127.0.0.1:{port},127.0.0.1:{other_port}"
        with Client(target, plaintext=True) as client:
            expected = [client.segment(exam).label_map.nifti_gz for exam in exams]

        def call(number: int) -> None:
            with Client(target, plaintext=True) as client:
                while not over.is_set():
                    index = (number + answered[number]) % EXAMS
                    try:
                        got = client.segment(exams[index], retries=60).label_map.nifti_gz
                    except Exception as error:  # noqa: BLE001 (whatever it is, an exam was lost)
                        faults.append(f"{type(error).__name__}: {error}")
                        return
                    if got != expected[index]:
                        faults.append("another answer than alone")
                    answered[number] += 1

        callers = [threading.Thread(target=call, args=(number,)) for number in range(CLIENTS)]
        for caller in callers:
            caller.start()
        try:
            for gateway, triton in (first, second):
                gateway.restart()
                triton.restart()
        finally:
            over.set()
            for caller in callers:
                caller.join(PATIENCE_S * 2)
    assert faults == []
    assert min(answered) >= 1
