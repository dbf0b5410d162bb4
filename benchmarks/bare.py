"""The engine without anything around it: the same batches, in this process, as Triton would run them.

Of a model's configuration, the accelerator, its precision, the instances and their threads are followed, so that what
is measured is the engine that is served: all that the product takes beyond it is its own.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import TYPE_FP16, ModelConfig

from benchmarks.machine import cores
from imaging.pipeline.predictor import Predictor, Slices
from imaging.regions import Region
from serving.inference.catalog import CONFIG_FILE, MODEL_FILE, MODEL_NAMES, THREADS_KEY

Floats = npt.NDArray[np.floating]
_Run = Callable[[Floats], Floats]


@dataclass(frozen=True)
class BareChoice:
    """What a configuration asks for.

    Args:
        accelerator: `openvino`, or empty for ONNX Runtime itself.
        precision: Of OpenVINO, `f32` or `bf16`.
        instances: Runs at one time.
        threads: Of one run.
        half: Whether tensors are float16.
    """

    accelerator: str
    precision: str
    instances: int
    threads: int
    half: bool

    @classmethod
    def of(cls, config: ModelConfig) -> BareChoice:
        """As a model's configuration says."""
        instances = max(1, sum(group.count for group in config.instance_group))
        threads = max(1, cores() // instances)
        if THREADS_KEY in config.parameters:
            threads = int(config.parameters[THREADS_KEY].string_value)
        chosen = config.optimization.execution_accelerators.cpu_execution_accelerator
        accelerator = chosen[0].name if chosen else ""
        asked = chosen[0].parameters.get("precision", "fp32") if chosen else "fp32"
        precision = {"fp32": "f32", "f32": "f32", "bf16": "bf16"}[asked.lower()]
        return cls(accelerator, precision, instances, threads, half=config.input[0].data_type == TYPE_FP16)

    def text(self) -> str:
        """In words."""
        engine = f"OpenVINO {self.precision}" if self.accelerator else "ONNX Runtime fp32"
        return f"{engine}, {self.instances} x {self.threads} threads"


class BareEngine:
    """The U-Nets of a repository, run here. Implements `Predictor`.

    Args:
        models: The repository.
    """

    def __init__(self, models: Path) -> None:
        self.choices: dict[Region, BareChoice] = {}
        self._idle: dict[Region, queue.SimpleQueue[_Run]] = {}
        for region, name in MODEL_NAMES.items():
            config = ModelConfig()
            text_format.Parse((models / name / CONFIG_FILE).read_text(encoding="utf-8"), config)
            (file,) = (models / name).glob(f"*/{MODEL_FILE}")
            self.choices[region] = choice = BareChoice.of(config)
            self._idle[region] = queue.SimpleQueue()
            for _ in range(choice.instances):
                self._idle[region].put(_openvino(file, choice) if choice.accelerator else _onnxruntime(file, choice))

    def predict(self, region: Region, slices: Slices) -> npt.NDArray[np.float32]:
        """As `Predictor`; waits where every instance works."""
        run = self._idle[region].get()
        try:
            wire = np.float16 if self.choices[region].half else np.float32
            return run(slices.astype(wire, copy=False)).astype(np.float32, copy=False)
        finally:
            self._idle[region].put(run)

    @property
    def computes_in_bf16(self) -> bool:
        """Whether any network does."""
        return any(choice.precision == "bf16" for choice in self.choices.values())

    def text(self) -> str:
        """In words."""
        return "; ".join(sorted({choice.text() for choice in self.choices.values()}))


def _onnxruntime(file: Path, choice: BareChoice) -> _Run:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = choice.threads
    options.enable_mem_pattern = False
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def run(slices: Floats) -> Floats:
        answer: Floats = session.run(None, {name: slices})[0]
        return answer

    return run


def _openvino(file: Path, choice: BareChoice) -> _Run:
    if choice.accelerator != "openvino":
        raise SystemExit(f"the bare engine has no accelerator {choice.accelerator}")
    try:
        import openvino
    except ImportError:
        raise SystemExit("the served engine is OpenVINO: pip install openvino, to measure it by itself") from None
    settings = {
        "INFERENCE_PRECISION_HINT": choice.precision,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": choice.threads,
        "NUM_STREAMS": 1,
        "CPU_RUNTIME_CACHE_CAPACITY": 128,
        "ENABLE_CPU_PINNING": False,
    }
    request = openvino.Core().compile_model(file, "CPU", settings).create_infer_request()

    def run(slices: Floats) -> Floats:
        answer: Floats = request.infer([slices], share_inputs=True)[0]
        return answer.copy()

    return run


class Recorder:
    """Passes micro-batches on, and keeps them. Implements `Predictor`."""

    def __init__(self, predictor: Predictor) -> None:
        self.batches: list[tuple[Region, Slices]] = []
        self._predictor = predictor
        self._lock = threading.Lock()

    def predict(self, region: Region, slices: Slices) -> npt.NDArray[np.float32]:
        """As `Predictor`."""
        with self._lock:
            self.batches.append((region, slices.copy()))
        return self._predictor.predict(region, slices)


def replay(predictor: Predictor, batches: Sequence[tuple[Region, Slices]], *, in_flight: int) -> None:
    """Show recorded micro-batches, so many at one time."""
    with ThreadPoolExecutor(in_flight) as callers:
        for answer in [callers.submit(predictor.predict, region, slices) for region, slices in batches]:
            answer.result()


def pin_to_one_core() -> None:
    """This process, and the threads that it will start, on one core where that can be chosen."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
