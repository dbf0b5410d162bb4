"""Our `onnxruntime` backend where a configuration asks for OpenVINO, within a real Triton."""

from __future__ import annotations

import shutil
import subprocess
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tritonclient.grpc as tritongrpc
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig

from export.engine_choice import EngineChoice
from export.engine_config import apply_engine
from imaging.regions import Region
from serving.inference.onnxruntime_predictor import OnnxRuntimePredictor
from serving.inference.triton_predictor import TritonPredictor
from serving.triton import process
from serving.triton.launcher import TritonServer
from serving.triton.runtime import TritonRuntime
from serving.triton.settings import TritonSettings
from tests.serving.model_repository import model_config, tiny_onnx, write_model

pytestmark = pytest.mark.triton

MIB = 2**20
SHIPPED = Path(__file__).resolve().parents[3] / "models" / "unet_et"


def accelerated(region: Region, content: bytes, *, precision: str | None) -> ModelConfig:
    config = model_config(region, content)
    parameters = {} if precision is None else {"precision": precision}
    config.optimization.execution_accelerators.cpu_execution_accelerator.add(name="openvino", parameters=parameters)
    return config


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tiny networks in float32, said and unsaid, and a shipped one in bfloat16, by one process."""
    repository = tmp_path_factory.mktemp("models")
    for region, channels, precision in ((Region.WT, 3, "fp32"), (Region.TC, 4, None)):
        content = tiny_onnx(channels)
        config = accelerated(region, content, precision=precision)
        config.instance_group[0].count = 2
        write_model(repository, config, content)
    shutil.copytree(SHIPPED, repository / SHIPPED.name)
    path = repository / SHIPPED.name / "config.pbtxt"
    config = text_format.Parse(path.read_text(), ModelConfig())
    apply_engine(config, EngineChoice(instances=1, threads=1))
    path.write_text(text_format.MessageToString(config))
    return repository


@pytest.fixture(scope="module")
def server(models: Path, runtime: TritonRuntime, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonServer]:
    log_file = tmp_path_factory.mktemp("triton") / "triton.log"
    with TritonServer(TritonSettings(models, log_file), runtime) as server:
        yield server


def stubs(server: TritonServer, model: str) -> list[Path]:
    """The processes of a model's instances, below `/proc`."""
    tasks = Path(f"/proc/{server.pid}/task").iterdir()
    children = {Path("/proc", child) for task in tasks for child in (task / "children").read_text().split()}
    return [child for child in children if f"/{model}/" in (child / "cmdline").read_text()]


def loaded(stub: Path) -> set[str]:
    """The engines whose libraries a process holds."""
    maps = (stub / "maps").read_text()
    return {engine for engine in ("libopenvino.so", "onnxruntime_pybind11_state") if engine in maps}


def resident_bytes(stub: Path) -> int:
    (line,) = (line for line in (stub / "status").read_text().splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) * 1024


@pytest.mark.parametrize("region", [Region.WT, Region.TC])
def test_computes_in_float32_unless_told_otherwise(server: TritonServer, models: Path, region: Region) -> None:
    channels = 3 if region is Region.WT else 4
    slices = np.random.default_rng(0).normal(size=(5, channels, 48, 80)).astype(np.float32)

    answer = TritonPredictor(server.address).predict(region, slices)

    expected = OnnxRuntimePredictor(models, threads=1).predict(region, slices)
    np.testing.assert_allclose(answer, expected, atol=5e-4)  # neighbours in float16


def test_the_shipped_network_answers_nearly_as_in_float32(server: TritonServer, models: Path) -> None:
    slices = np.random.default_rng(0).normal(size=(8, 4, 64, 96)).astype(np.float32)

    answer = TritonPredictor(server.address).predict(Region.ET, slices)

    expected = OnnxRuntimePredictor(models, threads=1).predict(Region.ET, slices)
    np.testing.assert_allclose(answer, expected, atol=0.02)


def test_each_process_holds_one_engine(server: TritonServer, triton: TritonServer) -> None:
    assert [loaded(stub) for stub in stubs(server, "unet_wt")] == [{"libopenvino.so"}] * 2
    assert [loaded(stub) for stub in stubs(triton, "unet_wt")] == [{"onnxruntime_pybind11_state"}]


def test_requests_at_one_time_get_their_own_answers(server: TritonServer, models: Path) -> None:
    batches = [np.random.default_rng(seed).normal(size=(8, 3, 32, 32)).astype(np.float32) for seed in range(16)]
    predictor, reference = TritonPredictor(server.address), OnnxRuntimePredictor(models, threads=1)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda batch: predictor.predict(Region.WT, batch), batches))

    for batch, answer in zip(batches, answers, strict=True):
        np.testing.assert_allclose(answer, reference.predict(Region.WT, batch), atol=5e-4)


def test_a_request_that_can_not_run_fails_alone_and_gets_no_other_answer(server: TritonServer) -> None:
    predictor = TritonPredictor(server.address)
    client = tritongrpc.InferenceServerClient(server.address)
    tensor = tritongrpc.InferInput("slices", [1, 4, 24, 24], "FP16")  # no multiple of 16: the skips do not fit
    tensor.set_data_from_numpy(np.zeros((1, 4, 24, 24), np.float16))

    for _ in range(2):
        predictor.predict(Region.ET, np.zeros((1, 4, 32, 32), np.float32))
        predictor.predict(Region.ET, np.zeros((2, 4, 64, 32), np.float32))
        with pytest.raises(tritongrpc.InferenceServerException, match="Concat node"):
            client.infer(SHIPPED.name, [tensor])

    client.close()


def test_memory_does_not_grow_with_the_number_of_extents(server: TritonServer) -> None:
    """What is kept for an extent of crop is some 3 MB, so 49 of them would be seen if all stayed."""
    predictor = TritonPredictor(server.address)
    (stub,) = stubs(server, SHIPPED.name)

    def show(heights: range) -> int:
        for height in heights:
            for width in range(16, 113, 16):
                predictor.predict(Region.ET, np.zeros((1, 4, width, height), np.float32))
        return resident_bytes(stub)

    before = show(range(16, 113, 16))
    assert show(range(128, 225, 16)) - before < 96 * MIB


PROBE = """
    import sys, types
    from pathlib import Path

    told = []
    logger = types.SimpleNamespace(log_warn=told.append)
    # The module exists within Triton alone; of it, loading needs the log.
    utils = types.SimpleNamespace(Logger=logger, Tensor=None)
    sys.modules["triton_python_backend_utils"] = utils
    sys.path.insert(0, sys.argv[1])
    import with_openvino

    with_openvino._CPUINFO = Path(sys.argv[3])
    graph = with_openvino.OpenVinoGraph(Path(sys.argv[2]), threads=1, precision="bf16")
    print(graph._model.get_property("INFERENCE_PRECISION_HINT").get_type_name(), *told, sep="; ")
"""


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ("fpu avx512f amx_bf16", "bf16"),
        ("fpu avx512f", "f32; unet_wt: this processor has no bfloat16, runs in float32"),
    ],
)
def test_bfloat16_only_where_the_processor_has_it(
    models: Path, runtime: TritonRuntime, tmp_path: Path, flags: str, told: str
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nflags\t\t: {flags}\n")
    backend, model = process._BACKEND.parent, models / "unet_wt" / "1" / "model.onnx"

    done = subprocess.run(
        [runtime.bin / "python3", "-I", "-B", "-c", textwrap.dedent(PROBE), backend, model, cpuinfo],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == told
