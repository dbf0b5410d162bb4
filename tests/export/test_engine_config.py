from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from tritonclient.grpc.model_config_pb2 import TYPE_FP16, ModelConfig, ModelInstanceGroup

from export.engine_choice import UNET_ENGINE, Accelerator, BatchBucket, EngineChoice, EngineKind, GpuOptions, Precision
from export.engine_config import apply_engine

BUCKETS = (BatchBucket(8, 160, 192), BatchBucket(4, 240, 128))
TENSORRT = EngineChoice(
    kind=EngineKind.GPU,
    accelerator=Accelerator.TENSORRT,
    precision=Precision.FP16,
    instances=1,
    batch_sizes=(8, 16),
    max_queue_delay_us=500,
    warm_up=BUCKETS,
    gpu=GpuOptions(engine_cache=PurePosixPath("/cache"), workspace_bytes=2**30),
)
PLAIN = EngineChoice(accelerator=Accelerator.NONE, precision=Precision.FP32, instances=1, threads=2)


@pytest.fixture
def config() -> ModelConfig:
    config = ModelConfig(name="unet_wt", backend="onnxruntime", max_batch_size=16)
    config.input.add(name="slices", data_type=TYPE_FP16, dims=[3, -1, -1])
    config.output.add(name="probabilities", data_type=TYPE_FP16, dims=[-1, -1])
    config.parameters["glioserve_plan"].string_value = "a plan"
    return config


def test_onnx_runtime_alone(config: ModelConfig) -> None:
    apply_engine(config, PLAIN)
    assert not config.HasField("optimization")
    assert config.parameters["intra_op_thread_count"].string_value == "2"
    assert [(group.count, group.kind) for group in config.instance_group] == [(1, ModelInstanceGroup.KIND_AUTO)]


def test_tensorrt_has_one_engine_for_all_buckets_and_is_warm(config: ModelConfig) -> None:
    apply_engine(config, TENSORRT)
    (accelerator,) = config.optimization.execution_accelerators.gpu_execution_accelerator
    assert (accelerator.name, dict(accelerator.parameters)) == (
        "tensorrt",
        {
            "precision_mode": "FP16",
            "trt_cuda_graph_enable": "0",
            "trt_engine_cache_enable": "1",
            "trt_engine_cache_path": "/cache",
            "max_workspace_size_bytes": "1073741824",
            "trt_profile_min_shapes": "slices:1x3x160x128",
            "trt_profile_opt_shapes": "slices:8x3x160x192",
            "trt_profile_max_shapes": "slices:16x3x240x192",
        },
    )
    assert [(group.count, group.kind) for group in config.instance_group] == [(1, ModelInstanceGroup.KIND_GPU)]
    assert list(config.dynamic_batching.preferred_batch_size) == [8, 16]
    assert config.dynamic_batching.max_queue_delay_microseconds == 500
    warm = [
        (one.batch_size, list(one.inputs["slices"].dims), one.inputs["slices"].data_type) for one in config.model_warmup
    ]
    assert warm == [(8, [3, 160, 192], TYPE_FP16), (4, [3, 240, 128], TYPE_FP16)]


def test_cuda_computes_as_it_is_told(config: ModelConfig) -> None:
    choice = EngineChoice(
        kind=EngineKind.GPU,
        accelerator=Accelerator.CUDA,
        precision=Precision.FP32,
        warm_up=BUCKETS,
        gpu=GpuOptions(cuda_graph=True),
    )
    apply_engine(config, choice)
    (accelerator,) = config.optimization.execution_accelerators.gpu_execution_accelerator
    assert dict(accelerator.parameters) == {"enable_cuda_graph": "1", "use_tf32": "0"}


@pytest.mark.parametrize("earlier", [PLAIN, TENSORRT])
def test_a_later_choice_leaves_nothing_of_an_earlier_one(config: ModelConfig, earlier: EngineChoice) -> None:
    fresh = ModelConfig()
    fresh.CopyFrom(config)
    apply_engine(config, earlier)
    apply_engine(config, UNET_ENGINE)
    apply_engine(fresh, UNET_ENGINE)
    assert config == fresh
    assert config.parameters["glioserve_plan"].string_value == "a plan"
