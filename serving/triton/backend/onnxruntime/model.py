"""Triton's `onnxruntime` backend for servers that bring the Python backend only.

A *Python-based backend*: Triton runs one process per model instance with this file in it, and hands it models whose
`config.pbtxt` says `backend: "onnxruntime"`. So one model repository serves both NVIDIA's container, with its C++
backend of that name, and the server binary of the `nvidia-pytriton` wheel. Runs in Triton's own environment
(`serving/triton/requirements.txt`) and imports nothing of ours.

Tensors go between Triton and ONNX Runtime by DLPack, never by `Tensor.as_numpy()` or `Tensor(name, array)`: the stubs
of this Triton are built against numpy 1, and with numpy 2 the former hands over wrong numbers and the latter none, both
without an error. ONNX Runtime's own DLPack tensors leave numpy out of it and copy nothing.

Of a model's parameters, `intra_op_thread_count` and `memory.enable_memory_arena_shrinkage` are read, named as in
NVIDIA's backend.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import onnxruntime
import triton_python_backend_utils as pb_utils

_TYPES = {"TYPE_FP32": "tensor(float)", "TYPE_UINT8": "tensor(uint8)"}
"""What goes between Triton and ONNX Runtime here, as either calls it."""


class TritonPythonModel:
    """One instance of one model. Its methods are those that Triton calls."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the model.

        Args:
            args: `model_config` (JSON), `model_repository` (the model's folder), `model_version` and others.

        Raises:
            pb_utils.TritonModelException: The configuration asks for what this backend can't do, or the file is no
                model of these tensors. Triton then reports the model as not ready.
        """
        config: dict[str, Any] = json.loads(args["model_config"])
        _check_supported(config)
        path = Path(args["model_repository"], args["model_version"], config["default_model_filename"] or "model.onnx")
        try:
            self._session = onnxruntime.InferenceSession(
                path, _session_options(config), providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # noqa: BLE001 (ONNX Runtime's exceptions have no narrower base)
            raise pb_utils.TritonModelException(
                f"{path.name} must be a model that ONNX Runtime loads: {error}"
            ) from None
        self._run_options = _run_options(config)
        self._inputs = _agreed_names("input", config["input"], self._session.get_inputs())
        self._outputs = _agreed_names("output", config["output"], self._session.get_outputs())

    def execute(self, requests: list[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        """Answer the requests of one dynamic batch, each by a run of its own.

        On a CPU a larger batch is no faster, and run apart, an answer does not depend on what else was in its batch.

        Returns:
            One response per request, in order; a failed one holds an error and leaves the others alone.
        """
        return [self._answer(request) for request in requests]

    def _answer(self, request: pb_utils.InferenceRequest) -> pb_utils.InferenceResponse:
        try:
            feed = {
                name: onnxruntime.OrtValue.from_dlpack(pb_utils.get_input_tensor_by_name(request, name))
                for name in self._inputs
            }
            values = self._session.run_with_ort_values(self._outputs, feed, self._run_options)
            tensors = [
                pb_utils.Tensor.from_dlpack(name, value) for name, value in zip(self._outputs, values, strict=True)
            ]
        except Exception as error:  # noqa: BLE001 (as above, and whatever it is belongs to this request alone)
            fault = pb_utils.TritonError(f"{type(error).__name__}: {error}", pb_utils.TritonError.INTERNAL)
            return pb_utils.InferenceResponse(error=fault)
        return pb_utils.InferenceResponse(tensors)


def _check_supported(config: dict[str, Any]) -> None:
    """Refuse what would change how the model runs and can't be done here."""
    accelerators = config.get("optimization", {}).get("execution_accelerators", {})
    if any(accelerators.values()):
        raise pb_utils.TritonModelException(
            "optimization.execution_accelerators must be empty: this onnxruntime backend has no accelerators, "
            f"got {sorted(kind for kind, chosen in accelerators.items() if chosen)}"
        )


def _session_options(config: dict[str, Any]) -> onnxruntime.SessionOptions:
    parameters = {name: value["string_value"] for name, value in config["parameters"].items()}
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.intra_op_num_threads = _whole_number(parameters, "intra_op_thread_count", _fair_share(config))
    # A pattern would be kept for every extent of crop there is. The arena is kept: it ends at what the largest
    # micro-batch needs, and without it every run pays for fresh pages.
    options.enable_mem_pattern = False
    return options


def _run_options(config: dict[str, Any]) -> onnxruntime.RunOptions:
    options = onnxruntime.RunOptions()
    key = "memory.enable_memory_arena_shrinkage"
    if key in config["parameters"]:
        options.add_run_config_entry(key, config["parameters"][key]["string_value"])
    return options


def _fair_share(config: dict[str, Any]) -> int:
    """Threads per run: this process's cores, shared among the instances of the model."""
    instances: int = sum(group["count"] for group in config["instance_group"])
    return max(1, len(os.sched_getaffinity(0)) // max(1, instances))


def _whole_number(parameters: dict[str, str], name: str, default: int) -> int:
    text = parameters.get(name, str(default))
    if not text.isdecimal():
        raise pb_utils.TritonModelException(f"parameter {name} must be a whole number, got {text!r}")
    return int(text)


def _agreed_names(kind: str, configured: list[dict[str, Any]], actual: list[Any]) -> list[str]:
    """The tensors' names, once configuration and model name the same ones, of the same types."""
    names = [tensor["name"] for tensor in configured]
    if sorted(names) != sorted(tensor.name for tensor in actual):
        raise pb_utils.TritonModelException(
            f"{kind} tensors must be those of the model {[tensor.name for tensor in actual]}, got {names}"
        )
    for tensor in configured:
        (found,) = (other.type for other in actual if other.name == tensor["name"])
        if _TYPES.get(tensor["data_type"]) != found:
            raise pb_utils.TritonModelException(
                f"{kind} tensor {tensor['name']} must be {found} and one of {sorted(_TYPES)}, got {tensor['data_type']}"
            )
    return names
