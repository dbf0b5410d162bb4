"""A node that runs: `glioserve-server dicom` as a user starts it, or its heart in this process."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from serving.dicom.node import DicomNode
from serving.dicom.settings import DicomSettings
from serving.logs import KeyValueFormatter

COMMAND = Path(sys.executable).with_name("glioserve-server")
SEND = Path(__file__).with_name("send.py")
_READY = re.compile(r"ready on 127\.0\.0\.1:(?P<port>\d+), metrics on (?P<metrics>\S+)")
PATIENCE_S = 60.0


@dataclass
class Log:
    """Lines that a node says."""

    lines: list[str] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def add(self, line: str) -> None:
        """The node says something."""
        with self._changed:
            self.lines.append(line)
            self._changed.notify_all()

    def until(self, text: str, times: int = 1) -> None:
        """Wait until that many lines hold a text."""
        with self._changed:
            found = self._changed.wait_for(lambda: sum(text in line for line in self.lines) >= times, PATIENCE_S)
        assert found, self.lines


@dataclass
class RunningNode:
    """A node that is ready."""

    port: int
    metrics_address: str
    log: Log

    def metric(self, sample: str) -> float:
        """The value of a metric now; 0 where there is none."""
        with urllib.request.urlopen(f"http://{self.metrics_address}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.rpartition(" ")[0] == sample)


@dataclass
class NodeProcess(RunningNode):
    """A node in a process of its own."""

    process: subprocess.Popen[str]


QUICK = {"quiet_s": 0.5, "release_s": 0.2, "retry_s": 0.1, "port": 0, "metrics_port": 0}


class _Handler(logging.Handler):
    def __init__(self, log: Log) -> None:
        super().__init__()
        self.setFormatter(KeyValueFormatter())
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.add(self.format(record))


@contextmanager
def local_node(folder: Path, *, retry: bool = False, **settings: object) -> Iterator[RunningNode]:
    """A node in this process.

    Args:
        folder: Of the queue.
        retry: See `DicomNode`.
        settings: By name, e.g. `quiet_s=1`.
    """
    log = Log()
    logger = logging.getLogger("serving")
    handler = _Handler(log)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        with DicomNode(DicomSettings(folder=folder, **(QUICK | settings)), retry=retry) as node:
            yield RunningNode(int(node.address.rpartition(":")[2]), node.metrics_address, log)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def node_environment(settings: Mapping[str, object]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GLIOSERVE_")}
    return kept | {f"GLIOSERVE_DICOM_{name.upper()}": str(value) for name, value in settings.items()}


@contextmanager
def node_process(folder: Path, **settings: object) -> Iterator[NodeProcess]:
    """A node in a process of its own.

    Args:
        folder: Of the queue.
        settings: By name, e.g. `quiet_s=1`.
    """
    process = subprocess.Popen(
        [COMMAND, "dicom", "--folder", folder],
        env=node_environment(QUICK | settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    log = Log()
    hearing = threading.Thread(target=lambda: [log.add(line) for line in process.stderr or ()])
    hearing.start()
    with process:
        try:
            ready = next(filter(None, map(_READY.match, process.stdout or ())), None)
            assert ready is not None, log.lines
            yield NodeProcess(int(ready["port"]), ready["metrics"], log, process)
        finally:
            process.terminate()
            process.wait(PATIENCE_S)
            hearing.join()


def send(folder: Path, port: int, *options: str) -> subprocess.CompletedProcess[str]:
    """C-STORE from another process."""
    command = [sys.executable, SEND, folder, str(port), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
