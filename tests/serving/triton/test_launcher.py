"""A real Triton's life: ready only after its self-test, loopback only, and gone without a trace."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.request import urlopen

import pytest

from imaging.regions import Region
from serving.errors import EngineUnsupportedError, ModelRepositoryError, TritonStartError
from serving.inference.readiness import check_golden
from serving.inference.triton_predictor import TritonPredictor
from serving.triton import launcher
from serving.triton.launcher import TritonServer
from serving.triton.machine import SHARED_MEMORY, Machine
from serving.triton.process import TritonProcess
from serving.triton.runtime import TritonRuntime
from serving.triton.settings import TritonSettings
from tests.serving.model_repository import model_config, tiny_onnx, write_model, write_repository

pytestmark = pytest.mark.triton

BACKEND = """
    import numpy
    import triton_python_backend_utils as pb_utils

    class TritonPythonModel:
        def execute(self, requests):
            return [pb_utils.InferenceResponse([self.answer(request)]) for request in requests]

        def answer(self, request):
            slices = numpy.from_dlpack(pb_utils.get_input_tensor_by_name(request, "slices"))
            probabilities = numpy.full((slices.shape[0], *slices.shape[2:]), {value}, numpy.float16)
            return {tensor}
"""
LOOPBACK = ("0100007F", "0000000000000000FFFF00000100007F")
"""127.0.0.1, and the same mapped to IPv6, as in /proc/net."""
ZERO_BYTES = BACKEND.format(value="0.5", tensor='pb_utils.Tensor("probabilities", probabilities)')
WRONG_VALUES = BACKEND.format(value="0.5", tensor='pb_utils.Tensor.from_dlpack("probabilities", probabilities)')


def traces(server_or_pid: TritonServer | int) -> list[Path]:
    """What a Triton that runs keeps outside its log: its folder, and its regions of shared memory."""
    pid = server_or_pid if isinstance(server_or_pid, int) else server_or_pid.pid
    command = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    options = dict(part.split("=", 1) for part in command if "=" in part)
    prefix = options["--backend-config"].partition("shm-region-prefix-name=")[2]
    return [Path(options["--backend-directory"]).parent, *SHARED_MEMORY.glob(f"{prefix}*")]


def are_gone(paths: list[Path]) -> bool:
    return not any(path.exists() for path in paths)


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go in this test."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(300):
        if condition():
            return
        time.sleep(0.05)
    raise TimeoutError("the condition never held")


def is_gone(pid: int) -> bool:
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        (ZERO_BYTES, "must answer finite"),
        (WRONG_VALUES, "must equal the recorded"),
    ],
)
def test_a_backend_that_answers_wrongly_never_counts_as_ready(
    repository: Path,
    runtime: TritonRuntime,
    tmp_path: Path,
    scratch: Path,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    complaint: str,
) -> None:
    backend = tmp_path / "model.py"
    backend.write_text(textwrap.dedent(source))
    monkeypatch.setattr(launcher, "TritonProcess", partial(TritonProcess, backend=backend))
    server = TritonServer(TritonSettings(repository, tmp_path / "triton.log"), runtime)

    with pytest.raises(TritonStartError, match=complaint):
        server.start()

    assert not server.is_running
    assert not list(scratch.iterdir())


def test_it_is_reached_from_this_machine_only(triton: TritonServer) -> None:
    ports = {triton.settings.grpc_port, triton.settings.http_port, triton.settings.metrics_port}
    listening = {
        (fields[1].split(":")[0], int(fields[1].split(":")[1], 16))
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for fields in (line.split() for line in Path(table).read_text().splitlines()[1:])
        if fields[3] == "0A"
    }

    assert {port for _, port in listening} >= ports
    assert all(address in LOOPBACK for address, port in listening if port in ports)


def test_its_libraries_are_named_to_no_other_process(triton: TritonServer, runtime: TritonRuntime) -> None:
    environment = Path(f"/proc/{triton.pid}/environ").read_bytes().split(b"\0")
    libraries = next(entry for entry in environment if entry.startswith(b"LD_LIBRARY_PATH="))

    assert str(runtime.bundled_libraries).encode() in libraries
    assert str(runtime.bundled_libraries) not in os.environ.get("LD_LIBRARY_PATH", "")
    assert f"PATH={runtime.bin}:".encode() in b"\n".join(environment)


def test_metrics(triton: TritonServer) -> None:
    with urlopen(triton.metrics_url) as answer:  # noqa: S310 (a server of ours)
        assert b"nv_inference_pending_request_count" in answer.read()


def test_starting_twice(triton: TritonServer) -> None:
    with pytest.raises(TritonStartError, match="twice"):
        triton.start()
    assert triton.is_running


def test_pythonpath_of_the_parent_does_not_reach_it(
    repository: Path, runtime: TritonRuntime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "onnxruntime.py").write_text("raise RuntimeError('the wrong one')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONHOME", "/nonexistent")

    with TritonServer(TritonSettings(repository, tmp_path / "triton.log"), runtime) as server:
        assert server.is_running


def test_it_ends_with_its_context_and_leaves_nothing(repository: Path, runtime: TritonRuntime, tmp_path: Path) -> None:
    with TritonServer(TritonSettings(repository, tmp_path / "triton.log"), runtime) as server:
        pid = server.pid
        assert pid is not None
        left = traces(server)
        assert len(left) == 1 + len(Region) + 1  # its folder, and a region per U-Net and for the generator

    assert is_gone(pid)
    assert not server.is_running
    assert server.wait(0.0)
    assert are_gone(left)


def test_a_killed_one_leaves_nothing_and_starts_again_at_its_addresses(
    repository: Path, runtime: TritonRuntime, tmp_path: Path
) -> None:
    with TritonServer(TritonSettings(repository, tmp_path / "triton.log"), runtime) as server:
        address, pid = server.address, server.pid
        left = traces(server)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert server.wait(10.0)
        assert not server.is_running
        assert are_gone(left)

        server.restart()
        assert server.address == address
        assert server.pid != pid
        check_golden(TritonPredictor(address))


PARENT = """
    import sys, threading
    from pathlib import Path
    from serving.triton.launcher import TritonServer
    from serving.triton.runtime import find_runtime
    from serving.triton.settings import TritonSettings

    repository, log_file, root = map(Path, sys.argv[1:])
    server = TritonServer(TritonSettings(repository, log_file), find_runtime(root))
    starter = threading.Thread(target=server.start)  # a thread that ends: Triton must not end with it
    starter.start()
    starter.join()
    print(server.pid, flush=True)
    threading.Event().wait()
"""


@pytest.mark.parametrize("victim", ["parent", "guard"])
def test_it_ends_however_its_parent_ends(repository: Path, runtime: TritonRuntime, tmp_path: Path, victim: str) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PARENT), repository, tmp_path / "log", runtime.root],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    left = traces(pid)
    time.sleep(0.2)
    assert not is_gone(pid)
    guard = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])

    os.kill({"parent": parent.pid, "guard": guard}[victim], signal.SIGKILL)

    wait_until(lambda: is_gone(pid))
    if victim == "parent":
        wait_until(lambda: are_gone(left))
    parent.kill()
    parent.communicate()
    for path in left[1:]:  # when the guard is killed, no one is left to remove them
        path.unlink(missing_ok=True)
    shutil.rmtree(left[0], ignore_errors=True)


def test_a_port_that_is_taken(triton: TritonServer, runtime: TritonRuntime, tmp_path: Path) -> None:
    settings = TritonSettings(triton.settings.repository, tmp_path / "log", grpc_port=triton.settings.grpc_port)

    with pytest.raises(TritonStartError, match=f"listen on 127.0.0.1:{settings.grpc_port}"):
        TritonServer(settings, runtime)


def test_an_altered_model_is_not_even_tried(runtime: TritonRuntime, tmp_path: Path) -> None:
    repository = write_repository(tmp_path / "models")
    (repository / "unet_et" / "1" / "model.onnx").write_bytes(tiny_onnx(4, seed=9))

    with pytest.raises(ModelRepositoryError, match=r"unet_et: model\.onnx must have the digest"):
        TritonServer(TritonSettings(repository, tmp_path / "log"), runtime).start()


def test_nor_is_an_altered_generator(runtime: TritonRuntime, tmp_path: Path) -> None:
    repository = write_repository(tmp_path / "models")
    (repository / "generator_joint" / "1" / "model.onnx").write_bytes(tiny_onnx(4, seed=9))

    with pytest.raises(ModelRepositoryError, match=r"generator_joint: model\.onnx must have the digest"):
        TritonServer(TritonSettings(repository, tmp_path / "log"), runtime).start()


def test_a_machine_that_can_not_run_it(
    repository: Path, runtime: TritonRuntime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine("Darwin", "arm64", None, "3.12", None, None, scratch_writable=True)
    monkeypatch.setattr(launcher, "this_machine", lambda _runtime: machine)

    with pytest.raises(EngineUnsupportedError, match="use the engine onnxruntime, got Darwin arm64"):
        TritonServer(TritonSettings(repository, tmp_path / "log"), runtime).start()


def log(folder: Path) -> str:
    return (folder / "log").read_text()


def test_models_that_can_not_be_served_are_named_with_the_reason(runtime: TritonRuntime, tmp_path: Path) -> None:
    repository = tmp_path / "models"
    accelerated = model_config(Region.WT, tiny_onnx(3))
    accelerated.optimization.execution_accelerators.gpu_execution_accelerator.add(name="tensorrt")
    write_model(repository, accelerated, tiny_onnx(3))
    for name, parameter, value in (("coarse", "precision", "fp8"), ("strange", "num_streams", "2")):
        other = model_config(Region.TC, tiny_onnx(4))
        other.name = name
        other.optimization.execution_accelerators.cpu_execution_accelerator.add(
            name="openvino", parameters={parameter: value}
        )
        write_model(repository, other, tiny_onnx(4))
    write_model(repository, model_config(Region.TC, tiny_onnx(4)), tiny_onnx(4))
    threaded = model_config(Region.TC, tiny_onnx(4))
    threaded.name = "another"
    threaded.parameters["intra_op_thread_count"].string_value = "many"
    write_model(repository, threaded, tiny_onnx(4))
    no_model = b"no model at all"
    damaged = model_config(Region.ET, tiny_onnx(4))
    damaged.parameters["onnx_sha256"].string_value = hashlib.sha256(no_model).hexdigest()
    write_model(repository, damaged, no_model)

    with pytest.raises(TritonStartError, match="must start, got its end with exit code 1") as caught:
        TritonServer(TritonSettings(repository, tmp_path / "log"), runtime).start()

    assert "got gpu_execution_accelerator tensorrt" in caught.value.log_tail
    assert "openvino must have no parameter but precision, fp32 or bf16, got {'precision': 'fp8'}" in log(tmp_path)
    assert "got {'num_streams': '2'}" in log(tmp_path)
    assert "intra_op_thread_count must be a whole number, got 'many'" in caught.value.log_tail
    assert "model.onnx must be a model that ONNX Runtime loads" in caught.value.log_tail


def test_one_that_never_answers(
    repository: Path, runtime: TritonRuntime, tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = tmp_path / "model.py"
    backend.write_text("import time\ntime.sleep(600)\n")
    monkeypatch.setattr(launcher, "TritonProcess", partial(TritonProcess, backend=backend))
    settings = TritonSettings(repository, tmp_path / "log", start_timeout_s=1.0, stop_timeout_s=1.0)

    with pytest.raises(TritonStartError, match=r"must be ready in 1\.0 s"):
        TritonServer(settings, runtime).start()

    assert not list(scratch.iterdir())
