"""The product as it is run: a real Triton and the gateway as a process of its own, and what memory they take."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from glioserve import Client, ExamFiles, SegmentationResult

from imaging.brats import find_cases
from serving.triton.launcher import TritonServer
from serving.triton.runtime import find_runtime
from serving.triton.settings import TritonSettings

_READY = re.compile(r"ready on (\S+),")
_PATIENCE_S = 60.0
RETRIES = 50
"""Of a call whose exam finds the queue full."""


@dataclass(frozen=True)
class Product:
    """What runs.

    Args:
        address: Of the gateway.
        triton: Of Triton.
        gateway_pid: The gateway's process.
        triton_pid: Triton's, whose children run the models.
    """

    address: str
    triton: str
    gateway_pid: int
    triton_pid: int

    def segment(self, case: Path) -> SegmentationResult:
        """One exam by a client of its own, without its reference; a full queue is waited out as the server asks."""
        with Client(self.address) as client:
            return client.segment(files_of(case), retries=RETRIES)


def files_of(case: Path) -> ExamFiles:
    """The four contrasts of a case folder."""
    (found,) = find_cases(case)
    return ExamFiles(**{modality.value: file for modality, file in found.files.items()})


@contextmanager
def running_product(models: Path, **settings: object) -> Iterator[Product]:
    """Triton, and a gateway that uses it, until the context is left.

    Args:
        models: The model repository.
        settings: Of the gateway, by name, e.g. `workers=1`.
    """
    with tempfile.TemporaryDirectory(prefix="glioserve-product-") as scratch:
        log = Path(scratch)
        with (
            TritonServer(TritonSettings(models.absolute(), log / "triton.log"), find_runtime()) as triton,
            _gateway(models, triton.address, log / "gateway.log", settings) as (process, address),
        ):
            if triton.pid is None:
                raise SystemExit("Triton ended")
            yield Product(address, triton.address, process.pid, triton.pid)


@contextmanager
def _gateway(
    models: Path, triton: str, log_file: Path, settings: dict[str, object]
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    kept = {"GLIOSERVE_TRITON_RUNTIME"}
    environment = {key: value for key, value in os.environ.items() if key in kept or not key.startswith("GLIOSERVE_")}
    environment |= {f"GLIOSERVE_{name.upper()}": f"{value}" for name, value in settings.items()}
    environment |= {"GLIOSERVE_LOG_LEVEL": "ERROR", "GLIOSERVE_TRITON": triton}
    command = [str(Path(sys.executable).with_name("glioserve-server")), "up"]
    command += ["--models", str(models), "--port", "0", "--metrics-port", "0"]
    with (
        log_file.open("w") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment) as process,
    ):
        try:
            ready = next(filter(None, map(_READY.match, process.stdout or ())), None)
            if ready is None:
                raise SystemExit(f"the gateway did not become ready: {log_file.read_text()}")
            yield process, ready[1]
        finally:
            process.terminate()
            process.wait(_PATIENCE_S)


def process_tree(pid: int) -> list[int]:
    """A process and all that it started."""
    found = [pid]
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in file.read_text().split():
            found += process_tree(int(child))
    return found


def memory_mib(pid: int, *, peak: bool = False) -> float:
    """Resident memory of one process now, or the most since `forget_peak`; 0 for one that ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return 0.0
    found = re.search(rf"{'VmHWM' if peak else 'VmRSS'}:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def forget_peak(pid: int) -> None:
    """Begin anew with the peak."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
