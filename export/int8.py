"""A U-Net in eight bits: quantised after training, by the ranges that its activations take on real slices."""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from export.errors import GraphError
from export.graph import IR_VERSION, serialise


def quantise(graph: bytes, slices: Iterable[npt.NDArray[np.float32]]) -> bytes:
    """The graph with its convolutions in eight bits, between `QuantizeLinear` and `DequantizeLinear` (QDQ).

    Kernels are signed, with a scale for each output channel, activations unsigned with one scale for each tensor. The
    first convolution and the last stay in float: the one sees z-scores whose tails matter, the other's answer is
    compared with a threshold. Input and output keep their names and types, so it is served as the graph is.

    Args:
        graph: Serialised, of `export.unet_graph`.
        slices: Micro-batches `float32 [slice, channel, i, j]`, z-scored, by which the ranges are found; at least one.

    Returns:
        The serialised graph; the same arguments give the same bytes.

    Raises:
        GraphError: The graph has no convolution between the first and the last, or there are no slices.
    """
    model = onnx.load_from_string(graph)
    _unpack_kernels(model)
    ends = _first_and_last_convolution(model)
    batches = list(slices)
    if not batches:
        raise GraphError("slices", "must be at least one micro-batch", "none")
    source = _Slices(model, batches)
    with tempfile.TemporaryDirectory(prefix="glioserve-int8-") as folder, _quiet_quantiser():
        whole, eight = Path(folder, "whole.onnx"), Path(folder, "eight.onnx")
        onnx.save(model, whole)
        quantize_static(
            whole,
            eight,
            source,
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            op_types_to_quantize=["Conv", "ConvTranspose", "Concat", "MaxPool"],
            nodes_to_exclude=ends,
        )
        quantised = onnx.load(eight)
    quantised.ir_version = IR_VERSION
    quantised.producer_name, quantised.producer_version, quantised.doc_string = "glioserve", "", ""
    del quantised.metadata_props[:]
    return serialise(quantised)


class _Slices(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    """Hands the quantiser one micro-batch after the other, in the type that the graph takes."""

    def __init__(self, model: onnx.ModelProto, slices: Iterable[npt.NDArray[np.float32]]) -> None:
        (given,) = model.graph.input
        self._name = given.name
        self._type = onnx.helper.tensor_dtype_to_np_dtype(given.type.tensor_type.elem_type)
        self._slices = iter(slices)

    def get_next(self) -> dict[str, npt.NDArray[Any]] | None:
        """The next micro-batch as a feed; None at the end."""
        batch = next(self._slices, None)
        return None if batch is None else {self._name: batch.astype(self._type)}


def _unpack_kernels(model: onnx.ModelProto) -> None:
    """Undoes `store_kernels_as_half`, in place: the quantiser looks for kernels among the initialisers alone."""
    graph = model.graph
    halves = {one.name: one for one in graph.initializer if one.data_type == TensorProto.FLOAT16}
    casts = [node for node in graph.node if node.op_type == "Cast" and node.input[0] in halves]
    for cast in casts:
        kernel = numpy_helper.to_array(halves[cast.input[0]]).astype(np.float32)
        halves[cast.input[0]].CopyFrom(numpy_helper.from_array(kernel, cast.output[0]))
        graph.node.remove(cast)


def _first_and_last_convolution(model: onnx.ModelProto) -> list[str]:
    """Their nodes' names.

    Raises:
        GraphError: There is none between them.
    """
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    if len(convolutions) < 3:
        raise GraphError("graph", "must have a convolution between the first and the last", f"{len(convolutions)}")
    return [convolutions[0].name, convolutions[-1].name]


@contextmanager
def _quiet_quantiser() -> Iterator[None]:
    """The advice to run the shape inference first: the graph has been through it at export."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.setLevel(level)
