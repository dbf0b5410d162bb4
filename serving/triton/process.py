"""The Triton process: its backend folder, its environment, its command line, and the guard around it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from contextlib import suppress
from pathlib import Path

from serving.errors import TritonStartError
from serving.triton.machine import libpython_folder
from serving.triton.runtime import TritonRuntime
from serving.triton.settings import TritonSettings

_BACKEND = Path(__file__).with_name("backend") / "onnxruntime" / "model.py"
_GUARD = Path(__file__).with_name("guard.py")
_EXECUTABLE = 0o755
_GUARD_GRACE_S = 5.0
_REGION_BYTES = 32 * 2**20
"""Of shared memory between Triton and one instance of a model, from the start. Triton's own 1 MiB would grow to some
20 MiB under the first calls, under which an instance has been seen to die in the allocator of its region, as others
report too (issues 4857 and 7308 of triton-inference-server/server)."""


class TritonProcess:
    """A Triton that runs, or ran, which says nothing of whether it is ready.

    It ends with this process, however this process ends (see `guard.py`).

    Args:
        settings: What it serves, and where; no port is 0.
        runtime: The environment that it runs in.
        backend: The model.py of the `onnxruntime` backend; what it imports lies beside it.

    Raises:
        TritonStartError: The process could not be started at all.
    """

    def __init__(self, settings: TritonSettings, runtime: TritonRuntime, *, backend: Path = _BACKEND) -> None:
        self._settings = settings
        scratch = Path(tempfile.mkdtemp(prefix="glioserve-triton-"))
        prefix = f"glioserve_{uuid.uuid4().hex}_"
        backends = scratch / "backends"
        _assemble_backends(backends, runtime, backend)
        order = {
            "command": _command(settings, runtime, backends, prefix),
            "environment": _environment(runtime),
            "scratch": str(scratch),
            "shared_memory_prefix": prefix,
            "stop_timeout_s": settings.stop_timeout_s,
        }
        settings.log_file.parent.mkdir(parents=True, exist_ok=True)
        with settings.log_file.open("ab") as log:
            self._guard = subprocess.Popen(  # noqa: S603 (our own script, no shell)
                [sys.executable, "-I", "-S", str(_GUARD), json.dumps(order)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                process_group=0,
            )
        told = self._read_pid()
        if not told:
            shutil.rmtree(scratch, ignore_errors=True)
            raise TritonStartError("triton", "must start", "nothing: its guard ended at once")
        self.pid = int(told)

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._guard.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Triton's exit code, negative if a signal ended it; None while it runs."""
        return self._guard.poll()

    def wait(self, timeout_s: float) -> bool:
        """Wait for the process to end; whether it has."""
        with suppress(subprocess.TimeoutExpired):
            self._guard.wait(timeout_s)
        return not self.is_running

    def stop(self) -> None:
        """End it: running calls are given `stop_timeout_s`, then it is killed."""
        if self._guard.stdin is not None:
            self._guard.stdin.close()
        if not self.wait(self._settings.stop_timeout_s + _GUARD_GRACE_S):
            self._guard.kill()
            self._guard.wait()
        if self._guard.stdout is not None:
            self._guard.stdout.close()

    def _read_pid(self) -> bytes:
        return self._guard.stdout.readline() if self._guard.stdout is not None else b""


def _assemble_backends(folder: Path, runtime: TritonRuntime, backend: Path) -> None:
    """A backend folder that holds the Python backend, and ours on top of it."""
    python_folder, our_folder = folder / "python", folder / "onnxruntime"
    python_folder.mkdir(parents=True)
    our_folder.mkdir()
    for name in ("libtriton_python.so", "triton_python_backend_utils.py"):
        shutil.copyfile(runtime.python_backend / name, python_folder / name)
    stub = python_folder / runtime.stub.name
    shutil.copyfile(runtime.stub, stub)
    stub.chmod(_EXECUTABLE)
    for file in backend.parent.glob("*.py"):
        shutil.copyfile(file, our_folder / file.name)


def _command(settings: TritonSettings, runtime: TritonRuntime, backends: Path, prefix: str) -> list[str]:
    options = {
        "model-repository": settings.repository.absolute(),
        "backend-directory": backends,
        "backend-config": f"python,shm-region-prefix-name={prefix}",
        "grpc-address": settings.host,
        "grpc-port": settings.grpc_port,
        "http-address": settings.host,
        "http-port": settings.http_port,
        "metrics-address": settings.host,
        "metrics-port": settings.metrics_port,
        "allow-gpu-metrics": "false",
        "exit-on-error": "true",
        "strict-readiness": "true",
        "exit-timeout-secs": max(1, int(settings.stop_timeout_s)),
    }
    flags = ["--disable-auto-complete-config"]  # models are served as they are written, or not at all
    flags += [f"--backend-config=python,shm-{kind}-byte-size={_REGION_BYTES}" for kind in ("default", "growth")]
    if settings.traces_url is not None:
        flags += [f"--trace-config={option}" for option in _trace_options(settings.traces_url)]
    if settings.connection_age_s is not None:
        flags.append(f"--grpc-max-connection-age={round(1000 * settings.connection_age_s)}")
    return [str(runtime.server), *flags, *(f"--{name}={value}" for name, value in options.items())]


def _trace_options(url: str) -> list[str]:
    """Of its own accord Triton traces nothing (rate 0); what comes with a trace context is always traced."""
    own = {"url": url, "resource": "service.name=glioserve-triton"}
    general = ["mode=opentelemetry", "level=TIMESTAMPS", "rate=0", "count=-1"]
    return general + [f"opentelemetry,{name}={value}" for name, value in own.items()]


def _environment(runtime: TritonRuntime) -> dict[str, str]:
    """This process's environment, with what Triton needs, and without what would lead its Python astray.

    The server's libraries are named here and nowhere else: they would break other programs.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    libraries = [runtime.bundled_libraries]
    if libpython := libpython_folder(runtime.base_prefix, runtime.python_version):
        libraries.append(libpython)
    environment["LD_LIBRARY_PATH"] = os.pathsep.join(map(str, libraries))
    # This runtime has no GPU backend: instances of kind AUTO would be put on a GPU that Triton sees.
    environment["CUDA_VISIBLE_DEVICES"] = ""
    environment["PATH"] = os.pathsep.join([str(runtime.bin), environment.get("PATH", os.defpath)])
    return environment
