"""`glioserve-server up` as a process of its own, as a user starts it, over a real Triton."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

COMMAND = Path(sys.executable).with_name("glioserve-server")
_READY = re.compile(r"ready on (?P<gateway>\S+), metrics on (?P<metrics>\S+)")
_POLL_S = 0.05
_PATIENCE_S = 60.0


class RunningServer:
    """A server that is ready, and what can be done to it from outside."""

    def __init__(self, process: subprocess.Popen[str], models: Path, *, address: str, metrics_address: str) -> None:
        self.process = process
        self.address = address
        self._models = models
        self._metrics_address = metrics_address

    @property
    def triton_pids(self) -> list[int]:
        """The Triton that serves this server's models; empty when there is none."""
        wanted = f"--model-repository={self._models}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            try:
                arguments = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdecimal() else []
            except OSError:  # it ended meanwhile
                continue
            if arguments and arguments[0].endswith(b"/tritonserver") and wanted in arguments:
                found.append(int(entry.name))
        return found

    def signal_triton(self, number: signal.Signals) -> None:
        """Freeze it (SIGSTOP), let it go on (SIGCONT) or kill it."""
        (pid,) = self.triton_pids
        os.kill(pid, number)

    @contextmanager
    def frozen_triton(self) -> Iterator[None]:
        """Triton takes calls and answers none, so that a call is certainly under way."""
        self.signal_triton(signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal_triton(signal.SIGCONT)

    def metric(self, sample: str) -> float:
        """One sample of the Prometheus endpoint, 0 if it was never counted."""
        with urllib.request.urlopen(f"http://{self._metrics_address}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        values = [float(line.rpartition(" ")[2]) for line in lines if line.rpartition(" ")[0] == sample]
        return values[0] if values else 0.0

    def peak_mib(self) -> float:
        """The most memory that the gateway's process has had since `reset_peak_mib`."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) / 1024

    def reset_peak_mib(self) -> float:
        """Forget the peak; the memory of the gateway's process now."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")
        return self.peak_mib()


@contextmanager
def running_server(models: Path, folder: Path, **settings: object) -> Iterator[RunningServer]:
    """A server of its own on free ports.

    Args:
        models: The model repository.
        folder: Where its output goes; empty.
        settings: By name, e.g. `workers=1`.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GLIOSERVE_")}
    if kept := os.environ.get("GLIOSERVE_TRITON_RUNTIME"):
        environment["GLIOSERVE_TRITON_RUNTIME"] = kept
    environment |= {f"GLIOSERVE_{name.upper()}": str(value) for name, value in settings.items()}
    served = folder / "models"  # a name of its own, by which its Triton is known among others
    served.symlink_to(models)
    errors = folder / "server.log"
    with errors.open("w") as log:
        process = subprocess.Popen(
            [COMMAND, "up", "--models", served, "--port", "0", "--metrics-port", "0"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    with process:
        try:
            ready = next(filter(None, map(_READY.match, process.stdout or ())), None)
            assert ready is not None, errors.read_text()
            yield RunningServer(process, served, address=ready["gateway"], metrics_address=ready["metrics"])
        finally:
            process.terminate()
            try:
                process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait until it holds; fail if it does not for a minute."""
    end = time.monotonic() + _PATIENCE_S
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < end, "never came true"
        await asyncio.sleep(_POLL_S)
