"""A network as an ONNX graph: `slices [batch, channel, height, width]` in, `probabilities` without channels out."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import onnx
import torch
from onnx import TensorProto, shape_inference
from torch import Tensor, nn
from torch.export import Dim

from export.errors import GraphError
from export.fold import fold_batch_norm
from export.half import store_kernels_as_half
from imaging.pipeline.plan import MULTIPLE

INPUT = "slices"
OUTPUT = "probabilities"
OPSET = 18
"""What the exporter writes natively; every ONNX Runtime since 1.14 reads it, Triton's of 2023 and later among them."""
IR_VERSION = 8
"""The file format of opset 18's own time: a newer one would be refused by servers that know all operators in it."""
OPERATORS = frozenset({"Cast", "Concat", "Conv", "ConvTranspose", "MaxPool", "Relu", "Sigmoid", "Squeeze"})
"""All that a folded U-Net needs. Another one means that the exporter did something new: look before it is served."""


class _Probabilities(nn.Module):
    """A network of logits `[n, 1, h, w]` as one of probabilities `[n, h, w]`."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, slices: Tensor) -> Tensor:
        probabilities: Tensor = torch.sigmoid(self.net(slices)).squeeze(1)
        return probabilities


def export_graph(net: nn.Module, *, channels: int) -> onnx.ModelProto:
    """The graph of a network, ready to be served.

    Batch norm is folded, kernels are stored in float16, the batch, height and width are free (height and
    width in multiples of 16), and nothing of the machine it was made on is left in it. The same network
    gives the same bytes.

    Args:
        net: Gives logits `[n, 1, h, w]` of slices `float32 [n, channel, h, w]`. Left as it is.
        channels: Its input channels.

    Raises:
        GraphError: The network can't be exported, or the graph is not of the expected form.
    """
    folded = _Probabilities(fold_batch_norm(net)).eval().to("cpu", torch.float32)
    # Sizes of 1 would be taken for constants, and equal ones for the same axis.
    example = torch.zeros(2, channels, 4 * MULTIPLE, 3 * MULTIPLE)
    axes = {INPUT: {0: Dim("batch"), 2: MULTIPLE * Dim("rows"), 3: MULTIPLE * Dim("columns")}}
    with _quiet_exporter():
        program = torch.onnx.export(
            folded,
            (example,),
            dynamo=True,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=axes,
            external_data=False,
            verbose=False,
        )
    if program is None:
        raise GraphError("net", "must be exportable", "no graph")
    model = program.model_proto
    _strip(model)
    store_kernels_as_half(model)
    _name_axes(model, channels=channels)
    _check(model)
    return model


def serialise(model: onnx.ModelProto) -> bytes:
    """The bytes of a graph, the same for the same graph."""
    return bytes(model.SerializeToString(deterministic=True))


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """The exporter's notes on torch's own internals and on torchvision's absence are not news to our callers."""
    logger = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*LeafSpec", category=FutureWarning)
            yield
    finally:
        logger.setLevel(level)


def _strip(model: onnx.ModelProto) -> None:
    """Removes stack traces, file names and versions that would tie the bytes to the machine they were made on."""
    graph = model.graph
    model.producer_name, model.producer_version, model.doc_string = "glioserve", "", ""
    model.ir_version = IR_VERSION
    del graph.value_info[:]
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        part.doc_string = ""
        del part.metadata_props[:]
    graph.name = "unet"


def _name_axes(model: onnx.ModelProto, *, channels: int) -> None:
    for value, axes in (
        (model.graph.input[0], ("batch", channels, "height", "width")),
        (model.graph.output[0], ("batch", "height", "width")),
    ):
        shape = value.type.tensor_type.shape
        del shape.dim[:]
        for axis in axes:
            if isinstance(axis, int):
                shape.dim.add().dim_value = axis
            else:
                shape.dim.add().dim_param = axis


def _check(model: onnx.ModelProto) -> None:
    """ONNX's own checks and ours.

    Raises:
        GraphError: One of them fails.
    """
    graph = model.graph
    names = ([value.name for value in graph.input], [value.name for value in graph.output])
    if names != ([INPUT], [OUTPUT]):
        raise GraphError("graph", f"must have the input {INPUT} and the output {OUTPUT}", f"{names}")
    types = {value.type.tensor_type.elem_type for value in (*graph.input, *graph.output)}
    if types != {TensorProto.FLOAT}:
        raise GraphError("graph", "must take and give float32", f"types {sorted(types)}")
    if unknown := {node.op_type for node in graph.node} - OPERATORS:
        raise GraphError("graph", f"must be made of {sorted(OPERATORS)}", f"also {sorted(unknown)}")
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    if opsets != {"": OPSET}:
        raise GraphError("graph", f"must use opset {OPSET} alone", f"{opsets}")
    try:
        onnx.checker.check_model(model, full_check=True)
        shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    except (onnx.checker.ValidationError, shape_inference.InferenceError) as error:
        raise GraphError("graph", "must pass ONNX's checks", str(error)) from error
