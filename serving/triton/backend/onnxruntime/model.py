"""Triton's `onnxruntime` backend for servers that bring the Python backend only.

A *Python-based backend*: Triton runs one process per model instance with this file in it, and hands it models whose
`config.pbtxt` says `backend: "onnxruntime"`. So one model repository serves both NVIDIA's container, with its C++
backend of that name, and the server binary of the `nvidia-pytriton` wheel. Runs in Triton's own environment
(`serving/triton/requirements.txt`) and imports nothing of ours but its neighbours in this folder.

A graph is run by ONNX Runtime (`with_onnxruntime.py`), or by OpenVINO (`with_openvino.py`) where the configuration says
`optimization.execution_accelerators.cpu_execution_accelerator: [{name: "openvino"}]`, which NVIDIA's backend knows too.

Of a model's parameters, `intra_op_thread_count` and `memory.enable_memory_arena_shrinkage` are read, named as in
NVIDIA's backend.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import triton_python_backend_utils as pb_utils

_THREADS_KEY = "intra_op_thread_count"
_SHRINKAGE_KEY = "memory.enable_memory_arena_shrinkage"
_OPENVINO = "openvino"


class Graph(Protocol):
    """A model file that is loaded.

    Its tensors are told by their names, each with its type as Triton calls it, or as the engine does where Triton's
    name for it is not served here.
    """

    inputs: Mapping[str, str]
    outputs: Mapping[str, str]

    def run(self, given: Mapping[str, pb_utils.Tensor], outputs: list[str]) -> list[pb_utils.Tensor]:
        """The outputs of these names, in order."""
        ...


@dataclass(frozen=True)
class RunOptions:
    """How a graph is run.

    Args:
        threads: Of one run.
        gives_back: The devices whose memory a run gives back at its end, as ONNX Runtime names them; None keeps it.
    """

    threads: int
    gives_back: str | None


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
        path = Path(args["model_repository"], args["model_version"], config["default_model_filename"] or "model.onnx")
        self._graph = _open(path, config)
        self._inputs = _agreed_names("input", config["input"], self._graph.inputs)
        self._outputs = _agreed_names("output", config["output"], self._graph.outputs)

    def execute(self, requests: list[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        """Answer the requests of one dynamic batch, each by a run of its own.

        On a CPU a larger batch is no faster, and run apart, an answer does not depend on what else was in its batch.

        Returns:
            One response per request, in order; a failed one holds an error and leaves the others alone.
        """
        return [self._answer(request) for request in requests]

    def _answer(self, request: pb_utils.InferenceRequest) -> pb_utils.InferenceResponse:
        try:
            given = {name: pb_utils.get_input_tensor_by_name(request, name) for name in self._inputs}
            tensors = self._graph.run(given, self._outputs)
        except Exception as error:  # noqa: BLE001 (the engines' have no narrower base, and it belongs to this request)
            fault = pb_utils.TritonError(f"{type(error).__name__}: {error}", pb_utils.TritonError.INTERNAL)
            return pb_utils.InferenceResponse(error=fault)
        return pb_utils.InferenceResponse(tensors)


def _open(path: Path, config: dict[str, Any]) -> Graph:
    """The model, loaded by the engine that its configuration names. The other one is not even imported."""
    options, accelerator = _run_options(config), _accelerator(config)
    if accelerator is None:
        return _loaded("ONNX Runtime", path, lambda: _with_onnxruntime(path, options))
    precision = _precision(accelerator)
    if options.gives_back is not None:
        raise pb_utils.TritonModelException(f"parameter {_SHRINKAGE_KEY} must be left out with {_OPENVINO}")
    return _loaded("OpenVINO", path, lambda: _with_openvino(path, options, precision))


def _with_onnxruntime(path: Path, options: RunOptions) -> Graph:
    from with_onnxruntime import OnnxRuntimeGraph

    graph: Graph = OnnxRuntimeGraph(path, threads=options.threads, gives_back=options.gives_back)
    return graph


def _with_openvino(path: Path, options: RunOptions, precision: str) -> Graph:
    from with_openvino import OpenVinoGraph

    graph: Graph = OpenVinoGraph(path, threads=options.threads, precision=precision)
    return graph


def _loaded(engine: str, path: Path, load: Callable[[], Graph]) -> Graph:
    try:
        return load()
    except Exception as error:  # noqa: BLE001 (as above)
        raise pb_utils.TritonModelException(f"{path.name} must be a model that {engine} loads: {error}") from None


def _accelerator(config: dict[str, Any]) -> dict[str, Any] | None:
    """The accelerator that is asked for, if any; whatever can't be done here is refused."""
    asked = config.get("optimization", {}).get("execution_accelerators", {})
    named = [(kind, accelerator) for kind, chosen in asked.items() for accelerator in chosen]
    if not named:
        return None
    if [(kind, accelerator["name"]) for kind, accelerator in named] != [("cpu_execution_accelerator", _OPENVINO)]:
        got = ", ".join(f"{kind} {accelerator['name']}" for kind, accelerator in named)
        raise pb_utils.TritonModelException(
            "optimization.execution_accelerators must be empty or one cpu_execution_accelerator named "
            f"{_OPENVINO}: this onnxruntime backend has no other, got {got}"
        )
    accelerator: dict[str, Any] = named[0][1]
    return accelerator


def _precision(accelerator: dict[str, Any]) -> str:
    """`fp32` or `bf16`, as the accelerator's only parameter says; without it float32, as with NVIDIA's backend."""
    parameters: dict[str, str] = accelerator.get("parameters", {})
    precision = parameters.get("precision", "fp32")
    if parameters.keys() - {"precision"} or precision not in {"fp32", "bf16"}:
        raise pb_utils.TritonModelException(
            f"{_OPENVINO} must have no parameter but precision, fp32 or bf16, got {parameters}"
        )
    return precision


def _run_options(config: dict[str, Any]) -> RunOptions:
    parameters = {name: value["string_value"] for name, value in config["parameters"].items()}
    threads = parameters.get(_THREADS_KEY, str(_fair_share(config)))
    if not threads.isdecimal():
        raise pb_utils.TritonModelException(f"parameter {_THREADS_KEY} must be a whole number, got {threads!r}")
    return RunOptions(int(threads), parameters.get(_SHRINKAGE_KEY))


def _fair_share(config: dict[str, Any]) -> int:
    """Threads per run: this process's cores, shared among the instances of the model."""
    instances: int = sum(group["count"] for group in config["instance_group"])
    return max(1, len(os.sched_getaffinity(0)) // max(1, instances))


def _agreed_names(kind: str, configured: list[dict[str, Any]], actual: Mapping[str, str]) -> list[str]:
    """The tensors' names, once configuration and model name the same ones, of the same types."""
    names = [tensor["name"] for tensor in configured]
    if sorted(names) != sorted(actual):
        raise pb_utils.TritonModelException(
            f"{kind} tensors must be those of the model {sorted(actual)}, got {sorted(names)}"
        )
    for tensor in configured:
        if actual[tensor["name"]] != tensor["data_type"]:
            raise pb_utils.TritonModelException(
                f"{kind} tensor {tensor['name']} must be {actual[tensor['name']]}, got {tensor['data_type']}"
            )
    return names
