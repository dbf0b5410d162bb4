"""Starts a real Triton on this machine, and calls it ready only when every model gave its golden answer."""

from __future__ import annotations

import logging
import re
import time
from contextlib import closing
from pathlib import Path
from typing import Self

from serving.errors import EngineUnavailableError, ServingError, TritonStartError
from serving.inference.catalog import read_model, repository_catalog
from serving.inference.readiness import check_golden
from serving.inference.triton_predictor import TritonPredictor
from serving.triton.machine import require_triton, this_machine
from serving.triton.process import TritonProcess
from serving.triton.runtime import TritonRuntime
from serving.triton.settings import TritonSettings

_log = logging.getLogger(__name__)

_POLL_S = 0.1
_SELF_TEST_DEADLINE_S = 30.0
_TAIL_LINES, _LONGEST_LINE = 12, 1000
_TELLS_OF_ERROR = re.compile(r"E\d{4} |error: ")
"""How Triton's log begins a line about an error."""


class TritonServer:
    """A Triton process. As a context manager it is ready inside, and gone after.

    It ends with this process, however this process ends. Its ports stay the same when it is started again, so clients
    find it. Not thread-safe: start, restart and stop it from one thread at a time.

    Args:
        settings: What it serves, and where. Ports that are 0 are chosen now.
        runtime: The environment that it runs in.

    Raises:
        TritonStartError: A port that was named is taken.
    """

    def __init__(self, settings: TritonSettings, runtime: TritonRuntime) -> None:
        self.settings = settings.with_ports()
        self._runtime = runtime
        self._process: TritonProcess | None = None
        self._log_start = 0

    @property
    def address(self) -> str:
        """`host:port` of the gRPC endpoint."""
        return f"{self.settings.host}:{self.settings.grpc_port}"

    @property
    def metrics_url(self) -> str:
        """Where Prometheus finds Triton's metrics."""
        return f"http://{self.settings.host}:{self.settings.metrics_port}/metrics"

    @property
    def pid(self) -> int | None:
        """The process id of Triton itself; None when it does not run."""
        return self._process.pid if self._process is not None and self._process.is_running else None

    @property
    def is_running(self) -> bool:
        """Whether the process is there, which does not say that it is ready."""
        return self.pid is not None

    def start(self) -> None:
        """Start it, and return when it is ready: when every model has given its golden answer.

        Raises:
            EngineUnsupportedError: Triton can't run on this machine.
            ModelRepositoryError: The model repository is incomplete or altered.
            TritonStartError: It runs already, did not become ready in time, or a model answered wrongly. It is
                stopped again.
        """
        if self.is_running:
            raise TritonStartError("triton", "must not be started twice", "a running process")
        require_triton(this_machine(self._runtime))
        for network in repository_catalog(self.settings.repository).networks:
            read_model(self.settings.repository, network)
        self._log_start = _size(self.settings.log_file)
        begin = time.monotonic()
        self._process = TritonProcess(self.settings, self._runtime)
        try:
            self._become_ready(self._process)
        except BaseException:
            self.stop()
            raise
        _log.info("triton.ready", extra={"address": self.address, "seconds": time.monotonic() - begin})

    def stop(self) -> None:
        """End it: running calls are given `stop_timeout_s`, then it is killed. Does nothing when it does not run."""
        process, self._process = self._process, None
        if process is not None:
            process.stop()
            _log.info("triton.stopped", extra={"exit_code": process.exit_code})

    def restart(self) -> None:
        """Stop it if it runs, and start it again at the same addresses. Raises as `start`."""
        self.stop()
        self.start()

    def wait(self, timeout_s: float) -> bool:
        """Wait for the process to end; whether it has. True when it does not run."""
        return self._process is None or self._process.wait(timeout_s)

    def log_tail(self) -> str:
        """What its log says since it was last started: the lines that tell of errors, or else the last ones."""
        try:
            with self.settings.log_file.open("rb") as log:
                log.seek(self._log_start)
                lines = log.read().decode(errors="replace").splitlines()
        except OSError as error:
            return f"(no log: {error.strerror})"
        telling = [line for line in lines if _TELLS_OF_ERROR.match(line)]
        return "\n".join(line[:_LONGEST_LINE] for line in (telling or lines)[-_TAIL_LINES:])

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _become_ready(self, process: TritonProcess) -> None:
        deadline = time.monotonic() + self.settings.start_timeout_s
        while True:
            if not process.is_running:
                raise self._not_ready("must start", f"its end with exit code {process.exit_code}")
            try:
                with closing(TritonPredictor(self.address, deadline_s=_SELF_TEST_DEADLINE_S)) as predictor:
                    check_golden(predictor)
            except EngineUnavailableError as error:
                if time.monotonic() > deadline:
                    raise self._not_ready(f"must be ready in {self.settings.start_timeout_s} s", str(error)) from error
                time.sleep(_POLL_S)
            except ServingError as error:
                raise self._not_ready("must pass its self-test", str(error)) from error
            else:
                return

    def _not_ready(self, rule: str, got: str) -> TritonStartError:
        return TritonStartError("triton", rule, got, log_tail=self.log_tail())


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
