"""A graph run by ONNX Runtime's own kernels for the CPU.

Tensors go between Triton and ONNX Runtime by DLPack, never by `Tensor.as_numpy()` or `Tensor(name, array)`: the stubs
of this Triton are built against numpy 1, and with numpy 2 the former hands over wrong numbers and the latter none, both
without an error. ONNX Runtime's own DLPack tensors leave numpy out of it and copy nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import onnxruntime
import triton_python_backend_utils as pb_utils

_TYPES = {"tensor(float)": "TYPE_FP32", "tensor(float16)": "TYPE_FP16", "tensor(uint8)": "TYPE_UINT8"}
"""What goes between Triton and ONNX Runtime here, as either calls it."""


class OnnxRuntimeGraph:
    """A model file in ONNX Runtime.

    Args:
        path: Of the file.
        threads: Of one run; 0 leaves it to ONNX Runtime.
        gives_back: The devices whose memory a run gives back at its end, e.g. `cpu:0`; None keeps it.

    Raises:
        Exception: It can't be loaded.
    """

    def __init__(self, path: Path, *, threads: int, gives_back: str | None) -> None:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.intra_op_num_threads = threads
        # A pattern would be kept for every extent of crop there is. The arena is kept: it ends at what the largest
        # micro-batch needs, and without it every run pays for fresh pages.
        options.enable_mem_pattern = False
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._run_options = onnxruntime.RunOptions()
        if gives_back is not None:
            self._run_options.add_run_config_entry("memory.enable_memory_arena_shrinkage", gives_back)
        self.inputs = {tensor.name: _TYPES.get(tensor.type, tensor.type) for tensor in self._session.get_inputs()}
        self.outputs = {tensor.name: _TYPES.get(tensor.type, tensor.type) for tensor in self._session.get_outputs()}

    def run(self, given: Mapping[str, pb_utils.Tensor], outputs: list[str]) -> list[pb_utils.Tensor]:
        """The outputs of these names, in order.

        Raises:
            Exception: It can't be run.
        """
        feed = {name: onnxruntime.OrtValue.from_dlpack(tensor) for name, tensor in given.items()}
        values = self._session.run_with_ort_values(outputs, feed, self._run_options)
        return [pb_utils.Tensor.from_dlpack(name, value) for name, value in zip(outputs, values, strict=True)]
