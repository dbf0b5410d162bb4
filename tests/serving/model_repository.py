"""Small model repositories, laid out as `export` lays them out, so that no test needs the real weights."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnxruntime
from google.protobuf import text_format
from onnx import ModelProto, TensorProto, helper, numpy_helper
from tritonclient.grpc.model_config_pb2 import TYPE_FP16, TYPE_FP32, TYPE_UINT8, ModelConfig, ModelInstanceGroup

from imaging.brain.golden import golden_head, golden_part
from imaging.brain.plan import BrainStep, BrainStepPlan
from imaging.brainmap.encode import MapChannels
from imaging.brainmap.golden import golden_maps
from imaging.brainmap.plan import GeneratorPlan
from imaging.modality import Channel, Modality
from imaging.pipeline.golden import GoldenAnswer, golden_slices
from imaging.pipeline.plan import ModelPlan
from imaging.regions import Region

CHANNELS = {
    Region.WT: (Channel.T1, Channel.T2, Channel.FLAIR),
    Region.TC: (Channel.T1, Channel.T2, Channel.FLAIR, Channel.T1CE_MINUS_T1),
    Region.ET: (Channel.T1, Channel.T2, Channel.FLAIR, Channel.T1CE_MINUS_T1),
}


def tiny_onnx(channels: int, *, seed: int = 0) -> bytes:
    """One 3 x 3 convolution and a sigmoid: `slices` float16 [n, channel, i, j] to `probabilities` float16 [n, i, j]."""
    weights = np.random.default_rng(seed).normal(0.0, 0.4, (1, channels, 3, 3)).astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["slices"], ["shown"], to=TensorProto.FLOAT),
        helper.make_node("Conv", ["shown", "weights"], ["logits"], pads=[1, 1, 1, 1]),
        helper.make_node("Sigmoid", ["logits"], ["with_channel"]),
        helper.make_node("Squeeze", ["with_channel", "axes"], ["exact"]),
        helper.make_node("Cast", ["exact"], ["probabilities"], to=TensorProto.FLOAT16),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("slices", TensorProto.FLOAT16, ["n", channels, "i", "j"])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT16, ["n", "i", "j"])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(np.array([1], np.int64), "axes")],
    )
    model: ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


GENERATOR_PLAN = GeneratorPlan(MapChannels(tuple(Modality), bands_in_lesion=True), tuple(Modality), multiple=16)


def tiny_generator_onnx(plan: GeneratorPlan, *, seed: int = 0) -> bytes:
    """A 1 x 1 convolution and a sigmoid: `maps` uint8 [n, channel, i, j] to `images` float32 [n, contrast, i, j]."""
    channels, contrasts = plan.channels.count, len(plan.draws)
    weights = np.random.default_rng(seed).normal(0.0, 1.0, (contrasts, channels, 1, 1)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["maps"], ["shown"], to=TensorProto.FLOAT),
            helper.make_node("Conv", ["shown", "weights"], ["logits"]),
            helper.make_node("Sigmoid", ["logits"], ["images"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("maps", TensorProto.UINT8, ["n", channels, "i", "j"])],
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", contrasts, "i", "j"])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model: ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


def generator_config(
    content: bytes, *, name: str = "generator_joint", plan: GeneratorPlan = GENERATOR_PLAN
) -> ModelConfig:
    """The configuration of a tiny generator, with the four parameters."""
    config = ModelConfig(name=name, backend="onnxruntime", max_batch_size=4)
    config.input.add(name="maps", data_type=TYPE_UINT8, dims=[plan.channels.count, -1, -1])
    config.output.add(name="images", data_type=TYPE_FP32, dims=[len(plan.draws), -1, -1])
    config.instance_group.add(count=1, kind=ModelInstanceGroup.KIND_AUTO)
    answer = run_onnx(content, golden_maps(plan.channels))
    config.parameters["glioserve_golden"].string_value = GoldenAnswer.record(answer).to_json()
    config.parameters["glioserve_plan"].string_value = plan.to_json()
    config.parameters["intra_op_thread_count"].string_value = "1"
    config.parameters["onnx_sha256"].string_value = hashlib.sha256(content).hexdigest()
    return config


BRAIN_PLANS = {
    BrainStep.BOX: BrainStepPlan(BrainStep.BOX, side=32),
    BrainStep.MASK: BrainStepPlan(BrainStep.MASK, side=64),
}
BRAIN_LEVELS = {BrainStep.BOX: 100.0, BrainStep.MASK: 140.0}
"""The level that each tiny network takes for half a brain."""


def tiny_brain_onnx(step: BrainStep) -> bytes:
    """Bright is brain: `volume` uint8 [n, i, j, k] to `probabilities` uint8 of that shape."""
    constants = {"level": BRAIN_LEVELS[step], "width": 8.0, "certain": 255.0}
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["volume"], ["shown"], to=TensorProto.FLOAT),
            helper.make_node("Sub", ["shown", "level"], ["above"]),
            helper.make_node("Div", ["above", "width"], ["logits"]),
            helper.make_node("Sigmoid", ["logits"], ["unit"]),
            helper.make_node("Mul", ["unit", "certain"], ["scaled"]),
            helper.make_node("Round", ["scaled"], ["rounded"]),
            helper.make_node("Cast", ["rounded"], ["probabilities"], to=TensorProto.UINT8),
        ],
        "tiny",
        [helper.make_tensor_value_info("volume", TensorProto.UINT8, ["n", "i", "j", "k"])],
        [helper.make_tensor_value_info("probabilities", TensorProto.UINT8, ["n", "i", "j", "k"])],
        [numpy_helper.from_array(np.array(value, np.float32), name) for name, value in constants.items()],
    )
    model: ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


def brain_config(step: BrainStep, content: bytes) -> ModelConfig:
    """The configuration of a tiny network of brain extraction, with the four parameters."""
    config = ModelConfig(name=f"brain_{step}", backend="onnxruntime", max_batch_size=1)
    config.input.add(name="volume", data_type=TYPE_UINT8, dims=[-1, -1, -1])
    config.output.add(name="probabilities", data_type=TYPE_UINT8, dims=[-1, -1, -1])
    config.instance_group.add(count=1, kind=ModelInstanceGroup.KIND_AUTO)
    answer = run_onnx(content, golden_head()[np.newaxis])
    config.parameters["glioserve_golden"].string_value = GoldenAnswer.record(golden_part(answer[0])).to_json()
    config.parameters["glioserve_plan"].string_value = BRAIN_PLANS[step].to_json()
    config.parameters["memory.enable_memory_arena_shrinkage"].string_value = "cpu:0"
    config.parameters["onnx_sha256"].string_value = hashlib.sha256(content).hexdigest()
    return config


def write_brain(repository: Path) -> None:
    """Both tiny networks of brain extraction more."""
    for step in BrainStep:
        content = tiny_brain_onnx(step)
        write_model(repository, brain_config(step, content), content)


def run_onnx(content: bytes, slices: np.ndarray) -> np.ndarray:
    """What plain ONNX Runtime answers; to float32 slices in float32, though both are float16 on their way."""
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    halves = given.type == "tensor(float16)"
    answer: np.ndarray = session.run(None, {given.name: slices.astype(np.float16) if halves else slices})[0]
    return answer.astype(np.float32) if halves else answer


def model_config(region: Region, content: bytes) -> ModelConfig:
    """The configuration of a tiny model, with the three parameters."""
    channels = CHANNELS[region]
    config = ModelConfig(name=f"unet_{region}", backend="onnxruntime", max_batch_size=16)
    config.input.add(name="slices", data_type=TYPE_FP16, dims=[len(channels), -1, -1])
    config.output.add(name="probabilities", data_type=TYPE_FP16, dims=[-1, -1])
    config.dynamic_batching.max_queue_delay_microseconds = 100
    config.instance_group.add(count=1, kind=ModelInstanceGroup.KIND_AUTO)
    answer = run_onnx(content, golden_slices(len(channels)))
    config.parameters["glioserve_golden"].string_value = GoldenAnswer.record(answer).to_json()
    config.parameters["glioserve_plan"].string_value = ModelPlan(region, channels).to_json()
    config.parameters["onnx_sha256"].string_value = hashlib.sha256(content).hexdigest()
    return config


def write_model(repository: Path, config: ModelConfig, content: bytes, *, version: int = 1) -> None:
    """One model, as it lies in a repository."""
    folder = repository / config.name
    (folder / str(version)).mkdir(parents=True, exist_ok=True)
    (folder / "config.pbtxt").write_text(text_format.MessageToString(config), encoding="utf-8")
    (folder / str(version) / "model.onnx").write_bytes(content)


def write_generator(repository: Path, *, name: str = "generator_joint", plan: GeneratorPlan = GENERATOR_PLAN) -> None:
    """A tiny generator more."""
    content = tiny_generator_onnx(plan)
    write_model(repository, generator_config(content, name=name, plan=plan), content)


def write_repository(repository: Path, *, draws: bool = True, finds_brain: bool = False) -> Path:
    """A whole repository of three tiny U-Nets, a tiny generator unless told otherwise, brain extraction if told."""
    if draws:
        write_generator(repository)
    if finds_brain:
        write_brain(repository)
    for seed, (region, channels) in enumerate(CHANNELS.items()):
        content = tiny_onnx(len(channels), seed=seed)
        write_model(repository, model_config(region, content), content)
    return repository
