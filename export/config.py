"""A model's `config.pbtxt`, valid by construction: built as Triton's own message, then printed."""

from __future__ import annotations

import hashlib

from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import TYPE_FP16, TYPE_FP32, TYPE_UINT8, ModelConfig, ModelInstanceGroup

from export import brain_graph, generator_graph, unet_graph
from export.engine_choice import UNET_ENGINE, EngineChoice
from export.engine_config import THREADS_KEY, apply_engine
from imaging.brain.plan import BrainStepPlan
from imaging.brainmap.plan import GeneratorPlan
from imaging.pipeline.golden import GoldenAnswer
from imaging.pipeline.plan import ModelPlan
from imaging.regions import Region

BACKEND = "onnxruntime"
GENERATOR_BATCH_SIZE = 4
"""The most that a generator takes: a call's images pass through shared memory within Triton."""
GENERATOR_THREADS = 1
"""Of one run of a generator. With more, ONNX Runtime divides its sums by the number of threads and slices, and the last
bits of an image follow from both; with one, the same map gives the same bytes in any batch, on any number of cores."""
GENERATOR_INSTANCES = 2
"""Runs of a generator at one time, which stand in for threads."""
BRAIN_BATCH_SIZE = 1
"""A head in its cube is as large as a micro-batch of a U-Net."""
BRAIN_GIVES_BACK = "cpu:0"
"""Whose memory a run of brain extraction gives back. The largest cube needs 500 MB for a second per exam, which would
else stay for good; the run takes some 5 % longer for it."""


def model_name(region: Region) -> str:
    """The name of a region's model in the repository, e.g. `unet_wt`."""
    return f"unet_{region.value}"


def render_config(plan: ModelPlan, *, graph: bytes, golden: GoldenAnswer, engine: EngineChoice = UNET_ENGINE) -> str:
    """The text of a U-Net's `config.pbtxt`.

    Unless it is tuned for a GPU, the same bytes serve everywhere: instances are of kind AUTO (on each GPU that Triton
    sees, else on the CPU), and backend and accelerator are found by their names.

    Args:
        plan: How the model is used; stored as the parameter `glioserve_plan`.
        graph: The serialised graph; its digest is stored as `onnx_sha256`.
        golden: What the graph answers to the golden slices; stored as `glioserve_golden`.
        engine: How it is run.
    """
    config = _config(model_name(plan.region), engine.max_batch_size, plan.to_json(), graph=graph, golden=golden)
    config.input.add(name=unet_graph.INPUT, data_type=TYPE_FP16, dims=[len(plan.channels), -1, -1])
    config.output.add(name=unet_graph.OUTPUT, data_type=TYPE_FP16, dims=[-1, -1])
    apply_engine(config, engine)
    return _ordered(config)


def render_generator_config(name: str, plan: GeneratorPlan, *, graph: bytes, golden: GoldenAnswer) -> str:
    """The text of a generator's `config.pbtxt`, as of `render_config`.

    Triton is not let merge the micro-batches of several calls: what a cohort holds must not depend on who else calls.

    Args:
        name: Of the model in the repository.
        plan: How the model is used.
        graph: The serialised graph.
        golden: What the graph answers to the golden maps.
    """
    config = _config(name, GENERATOR_BATCH_SIZE, plan.to_json(), graph=graph, golden=golden)
    config.instance_group.add(count=GENERATOR_INSTANCES, kind=ModelInstanceGroup.KIND_AUTO)
    config.parameters[THREADS_KEY].string_value = f"{GENERATOR_THREADS}"
    config.input.add(name=generator_graph.INPUT, data_type=TYPE_UINT8, dims=[plan.channels.count, -1, -1])
    config.output.add(name=generator_graph.OUTPUT, data_type=TYPE_FP32, dims=[len(plan.draws), -1, -1])
    return _ordered(config)


def render_brain_config(name: str, plan: BrainStepPlan, *, graph: bytes, golden: GoldenAnswer) -> str:
    """The text of the `config.pbtxt` of one of brain extraction's networks, as of `render_config`.

    Args:
        name: Of the model in the repository.
        plan: How the model is used.
        graph: The serialised graph.
        golden: What the graph answers to the golden head.
    """
    config = _config(name, BRAIN_BATCH_SIZE, plan.to_json(), graph=graph, golden=golden)
    config.instance_group.add(count=1, kind=ModelInstanceGroup.KIND_AUTO)
    config.parameters["memory.enable_memory_arena_shrinkage"].string_value = BRAIN_GIVES_BACK
    config.input.add(name=brain_graph.INPUT, data_type=TYPE_UINT8, dims=[-1, -1, -1])
    config.output.add(name=brain_graph.OUTPUT, data_type=TYPE_UINT8, dims=[-1, -1, -1])
    return _ordered(config)


def _config(name: str, max_batch_size: int, plan: str, *, graph: bytes, golden: GoldenAnswer) -> ModelConfig:
    """A configuration that lacks its tensors and its instances."""
    config = ModelConfig(name=name, backend=BACKEND, max_batch_size=max_batch_size)
    for key, value in (
        ("glioserve_golden", golden.to_json()),
        ("glioserve_plan", plan),
        ("onnx_sha256", hashlib.sha256(graph).hexdigest()),
    ):
        config.parameters[key].string_value = value
    return config


def _ordered(config: ModelConfig) -> str:
    """The configuration as text; maps are printed in the order of their keys, so that the bytes are reproducible."""
    return str(text_format.MessageToString(config, use_index_order=True))
