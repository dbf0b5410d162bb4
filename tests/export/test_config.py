from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import TYPE_FP16, ModelConfig, ModelInstanceGroup

from export.config import render_config, render_generator_config
from export.parity import run_graph
from export.session import open_graph
from imaging.pipeline.golden import GoldenAnswer, golden_slices
from imaging.pipeline.plan import ModelPlan
from imaging.regions import Region
from serving.inference.catalog import repository_catalog, served_model
from tests.export.tiny import PLAN

RELEASED = Path(__file__).resolve().parents[2] / "models"


@pytest.fixture(scope="module")
def golden(graph: bytes) -> GoldenAnswer:
    return GoldenAnswer.record(run_graph(open_graph(graph), golden_slices(len(PLAN.channels))))


@pytest.fixture(scope="module")
def config(graph: bytes, golden: GoldenAnswer) -> ModelConfig:
    return text_format.Parse(render_config(PLAN, graph=graph, golden=golden), ModelConfig())


def test_says_what_triton_needs(config: ModelConfig) -> None:
    assert (config.name, config.backend, config.max_batch_size) == ("unet_wt", "onnxruntime", 16)
    assert [(one.name, one.data_type, list(one.dims)) for one in config.input] == [("slices", TYPE_FP16, [3, -1, -1])]
    assert [(one.name, list(one.dims)) for one in config.output] == [("probabilities", [-1, -1])]
    assert list(config.dynamic_batching.preferred_batch_size) == [8]
    assert [(group.count, group.kind) for group in config.instance_group] == [(2, ModelInstanceGroup.KIND_AUTO)]
    (accelerator,) = config.optimization.execution_accelerators.cpu_execution_accelerator
    assert (accelerator.name, dict(accelerator.parameters)) == ("openvino", {"precision": "bf16"})


def test_parameters_are_read_back(config: ModelConfig, graph: bytes, golden: GoldenAnswer) -> None:
    values = {key: parameter.string_value for key, parameter in config.parameters.items()}
    assert values.keys() == {"glioserve_plan", "glioserve_golden", "onnx_sha256"}
    assert ModelPlan.from_json(values["glioserve_plan"]) == PLAN
    assert GoldenAnswer.from_json(values["glioserve_golden"]) == golden
    assert values["onnx_sha256"] == hashlib.sha256(graph).hexdigest()


def test_serving_accepts_it(config: ModelConfig, golden: GoldenAnswer) -> None:
    model = served_model(Region.WT, config, "1")
    assert model.plan == PLAN
    assert model.golden == golden


def test_same_model_gives_same_bytes(graph: bytes, golden: GoldenAnswer) -> None:
    assert render_config(PLAN, graph=graph, golden=golden) == render_config(PLAN, graph=graph, golden=golden)


@pytest.mark.parametrize("region", Region)
def test_the_released_unets_speak_of_themselves_as_a_new_export_would(region: Region) -> None:
    """All but how they are run, which may have been tuned since."""
    model = repository_catalog(RELEASED)[region]
    folder = RELEASED / model.name
    graph = (folder / model.version / "model.onnx").read_bytes()
    again = text_format.Parse(render_config(model.plan, graph=graph, golden=model.golden), ModelConfig())
    released = text_format.Parse((folder / "config.pbtxt").read_text(), ModelConfig())
    assert list(again.input) == list(released.input)
    assert list(again.output) == list(released.output)
    assert again.max_batch_size == released.max_batch_size
    assert {key: released.parameters[key] for key in again.parameters} == dict(again.parameters)


def test_the_released_generator_is_configured_as_a_new_export_would_be() -> None:
    generator = repository_catalog(RELEASED).generator("joint")
    folder = RELEASED / generator.name
    graph = (folder / generator.version / "model.onnx").read_bytes()
    again = render_generator_config(generator.name, generator.plan, graph=graph, golden=generator.golden)
    assert again == (folder / "config.pbtxt").read_text()


def test_calls_of_a_generator_are_not_merged_and_their_bytes_do_not_depend_on_cores() -> None:
    config = text_format.Parse((RELEASED / "generator_joint" / "config.pbtxt").read_text(), ModelConfig())
    assert not config.HasField("dynamic_batching")
    assert config.parameters["intra_op_thread_count"].string_value == "1"
    assert [(group.count, group.kind) for group in config.instance_group] == [(2, ModelInstanceGroup.KIND_AUTO)]
