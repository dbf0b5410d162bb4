"""A choice of engine as Triton's configuration says it: accelerators, instances, batches, warm-up."""

from __future__ import annotations

from tritonclient.grpc.model_config_pb2 import ModelConfig, ModelInstanceGroup, ModelWarmup

from export.engine_choice import Accelerator, BatchBucket, EngineChoice, EngineKind, GpuOptions, Precision

THREADS_KEY = "intra_op_thread_count"
"""The parameter by which Triton's ONNX Runtime backend is told the threads of a run."""
PRECISION_KEY = "precision"
"""Of the accelerator `openvino`. NVIDIA's backend has no such parameter and leaves the choice to OpenVINO."""

_KINDS = {EngineKind.CPU: ModelInstanceGroup.KIND_AUTO, EngineKind.GPU: ModelInstanceGroup.KIND_GPU}


def apply_engine(config: ModelConfig, engine: EngineChoice) -> None:
    """Write a choice into a model's configuration, in the place of an older choice.

    Args:
        config: Of a U-Net, with its input; changed in place. Nothing but how it is run is touched.
        engine: How it shall be run.
    """
    for field in ("dynamic_batching", "instance_group", "model_warmup", "optimization"):
        config.ClearField(field)
    config.parameters.pop(THREADS_KEY, None)
    config.max_batch_size = engine.max_batch_size
    config.dynamic_batching.preferred_batch_size.extend(engine.batch_sizes)
    config.dynamic_batching.max_queue_delay_microseconds = engine.max_queue_delay_us
    config.instance_group.add(count=engine.instances, kind=_KINDS[engine.kind])
    if engine.threads is not None:
        config.parameters[THREADS_KEY].string_value = f"{engine.threads}"
    _accelerate(config, engine)
    _warm_up(config, engine)


def _accelerate(config: ModelConfig, engine: EngineChoice) -> None:
    accelerators = config.optimization.execution_accelerators
    (tensor,) = config.input
    match engine.accelerator:
        case Accelerator.NONE:
            config.ClearField("optimization")
            return
        case Accelerator.OPENVINO:
            parameters = {PRECISION_KEY: engine.precision.value}
            chosen = accelerators.cpu_execution_accelerator.add(name=engine.accelerator.value)
        case Accelerator.CUDA:
            parameters = _cuda(engine)
            chosen = accelerators.gpu_execution_accelerator.add(name=engine.accelerator.value)
        case Accelerator.TENSORRT:
            parameters = _tensorrt(engine, tensor.name, tensor.dims[0])
            chosen = accelerators.gpu_execution_accelerator.add(name=engine.accelerator.value)
    chosen.parameters.update(parameters)


def _cuda(engine: EngineChoice) -> dict[str, str]:
    """Options of ONNX Runtime's CUDA provider, which Triton's backend hands on."""
    options = engine.gpu or GpuOptions()
    return {
        "enable_cuda_graph": _flag(options.cuda_graph),
        "use_tf32": _flag(engine.precision is Precision.TF32),
    }


def _tensorrt(engine: EngineChoice, tensor: str, channels: int) -> dict[str, str]:
    """Options of ONNX Runtime's TensorRT provider, as Triton's backend names them."""
    options = engine.gpu or GpuOptions()
    parameters = {
        "precision_mode": engine.precision.value.upper(),
        "trt_cuda_graph_enable": _flag(options.cuda_graph),
    }
    if options.engine_cache is not None:
        parameters |= {"trt_engine_cache_enable": "1", "trt_engine_cache_path": f"{options.engine_cache}"}
    if options.workspace_bytes is not None:
        parameters["max_workspace_size_bytes"] = f"{options.workspace_bytes}"
    if engine.warm_up:  # one engine for all of them, rather than a new one whenever a shape is larger than any before
        heights, widths = ([getattr(one, side) for one in engine.warm_up] for side in ("height", "width"))
        for bound, bucket in (
            ("min", BatchBucket(1, min(heights), min(widths))),
            ("opt", max(engine.warm_up, key=lambda one: one.slices * one.height * one.width)),
            ("max", BatchBucket(engine.max_batch_size, max(heights), max(widths))),
        ):
            shape = f"{bucket.slices}x{channels}x{bucket.height}x{bucket.width}"
            parameters[f"trt_profile_{bound}_shapes"] = f"{tensor}:{shape}"
    return parameters


def _warm_up(config: ModelConfig, engine: EngineChoice) -> None:
    (tensor,) = config.input
    for bucket in engine.warm_up:
        shown = ModelWarmup.Input(
            data_type=tensor.data_type, dims=[tensor.dims[0], bucket.height, bucket.width], zero_data=True
        )
        config.model_warmup.add(
            name=f"{bucket.slices} slices of {bucket.height} x {bucket.width}",
            batch_size=bucket.slices,
            inputs={tensor.name: shown},
        )


def _flag(on: bool) -> str:  # noqa: FBT001 (a converter)
    return "1" if on else "0"
