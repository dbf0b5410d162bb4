"""A model repository that holds a model of a kind that is none of ours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tritonclient.grpc as tritongrpc
from onnx import TensorProto, helper, numpy_helper
from tritonclient.grpc.model_config_pb2 import TYPE_FP32, ModelConfig, ModelInstanceGroup

from imaging.regions import Region
from serving.inference.onnxruntime_predictor import OnnxRuntimePredictor
from serving.inference.triton_predictor import TritonPredictor
from serving.triton.launcher import TritonServer
from serving.triton.runtime import TritonRuntime
from serving.triton.settings import TritonSettings
from tests.serving.model_repository import write_model, write_repository

WEIGHTS = np.random.default_rng(0).normal(size=(2, 5, 1, 1)).astype(np.float32)


def write_another(repository: Path) -> None:
    """`maps` float32 [n, 5, i, j] to `images` float32 [n, 2, i, j], as none of ours is laid out."""
    graph = helper.make_graph(
        [helper.make_node("Conv", ["maps", "weights"], ["images"])],
        "tiny",
        [helper.make_tensor_value_info("maps", TensorProto.FLOAT, ["n", 5, "i", "j"])],
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 2, "i", "j"])],
        [numpy_helper.from_array(WEIGHTS, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    config = ModelConfig(name="another", backend="onnxruntime", max_batch_size=4)
    config.input.add(name="maps", data_type=TYPE_FP32, dims=[5, -1, -1])
    config.output.add(name="images", data_type=TYPE_FP32, dims=[2, -1, -1])
    config.instance_group.add(count=1, kind=ModelInstanceGroup.KIND_AUTO)
    write_model(repository, config, bytes(model.SerializeToString()))


@pytest.fixture
def larger_repository(tmp_path: Path) -> Path:
    repository = write_repository(tmp_path / "models")
    write_another(repository)
    return repository


def test_engine_in_process_leaves_it_alone(larger_repository: Path) -> None:
    predictor = OnnxRuntimePredictor(larger_repository, threads=1)

    assert [network.name for network in predictor.catalog.networks] == [
        "unet_wt",
        "unet_tc",
        "unet_et",
        "generator_joint",
    ]
    predictor.close()


@pytest.mark.triton
def test_triton_serves_its_tensors_beside_ours(larger_repository: Path, runtime: TritonRuntime, tmp_path: Path) -> None:
    maps = np.random.default_rng(1).random((2, 5, 8, 12), dtype=np.float32)
    tensor = tritongrpc.InferInput("maps", maps.shape, "FP32")
    tensor.set_data_from_numpy(maps)

    with TritonServer(TritonSettings(larger_repository, tmp_path / "triton.log"), runtime) as server:
        client = tritongrpc.InferenceServerClient(server.address)
        images = client.infer("another", [tensor]).as_numpy("images")
        client.close()
        TritonPredictor(server.address).predict(Region.WT, np.zeros((1, 3, 16, 16), np.float32))

    np.testing.assert_allclose(images, np.einsum("oc,ncij->noij", WEIGHTS[:, :, 0, 0], maps), atol=1e-5)
