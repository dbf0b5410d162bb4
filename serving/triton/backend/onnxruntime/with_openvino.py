"""A graph run by OpenVINO, which computes convolutions in bfloat16 where the processor does.

Tensors go between Triton and OpenVINO by numpy's own DLPack, for the reason that `with_onnxruntime.py` tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import openvino
import triton_python_backend_utils as pb_utils

_TYPES = {"f32": "TYPE_FP32", "f16": "TYPE_FP16", "u8": "TYPE_UINT8"}
"""What goes between Triton and OpenVINO here, as either calls it."""
_BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
"""Of a processor that multiplies in bfloat16. OpenVINO itself would emulate it on others, which gains nothing."""
_CPUINFO = Path("/proc/cpuinfo")


class OpenVinoGraph:
    """A model file in OpenVINO.

    Args:
        path: Of the file.
        threads: Of one run; 0 leaves it to OpenVINO.
        precision: `fp32`, or `bf16`, which stands for `fp32` on a processor that does not compute in it.

    Raises:
        Exception: It can't be loaded.
    """

    def __init__(self, path: Path, *, threads: int, precision: str) -> None:
        if precision == "bf16" and not _computes_in_bf16():
            pb_utils.Logger.log_warn(f"{path.parent.parent.name}: this processor has no bfloat16, runs in float32")
            precision = "fp32"
        options = {
            "INFERENCE_PRECISION_HINT": {"fp32": "f32", "bf16": "bf16"}[precision],
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
            "INFERENCE_NUM_THREADS": threads,
            # Of each kind of operator. What is prepared for an extent of crop is some 3 MB, kept for a network of 23
            # convolutions in six extents or so; by default it would be thousands.
            "CPU_RUNTIME_CACHE_CAPACITY": 128,
            "ENABLE_CPU_PINNING": False,  # every instance would be pinned to the same first cores
        }
        self._path, self._options = path, options
        self._model = self._load()
        self.inputs = {port.any_name: _type(port) for port in self._model.inputs}
        self.outputs = {port.any_name: _type(port) for port in self._model.outputs}

    def run(self, given: Mapping[str, pb_utils.Tensor], outputs: list[str]) -> list[pb_utils.Tensor]:
        """The outputs of these names, in order.

        Raises:
            Exception: It can't be run.
        """
        feed = {name: np.from_dlpack(tensor) for name, tensor in given.items()}
        # A request of its own, which costs nothing: OpenVINO 2026.4 swallows the exception of a run by `infer` with one
        # thread, and the outputs are then those of the request's run before, another patient's perhaps.
        request = self._model.create_infer_request()
        try:
            request.start_async(feed, share_inputs=True)
            request.wait()
        except Exception:
            self._model = self._load()  # this one would raise the same at the next run too, whatever it is given
            raise
        values = [np.array(request.get_tensor(name).data) for name in outputs]  # copies, as the request ends here
        return [pb_utils.Tensor.from_dlpack(name, value) for name, value in zip(outputs, values, strict=True)]

    def _load(self) -> openvino.CompiledModel:
        return openvino.Core().compile_model(self._path, "CPU", self._options)


def _computes_in_bf16() -> bool:
    flags = next((line for line in _CPUINFO.read_text().splitlines() if line.startswith("flags")), "")
    return not _BF16_FLAGS.isdisjoint(flags.split())


def _type(port: openvino.ConstOutput) -> str:
    name: str = port.element_type.get_type_name()
    return _TYPES.get(name, name)
