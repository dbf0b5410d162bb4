"""A network as an ONNX graph of a declared form: one tensor in, one out, free batch and extents."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import onnx
import torch
from onnx import TensorProto, shape_inference
from torch import nn
from torch.export import Dim

from export.errors import GraphError
from export.half import store_kernels_as_half

OPSET = 18
"""What the exporter writes natively; every ONNX Runtime since 1.14 reads it, Triton's of 2023 and later among them."""
IR_VERSION = 8
"""The file format of opset 18's own time: a newer one would be refused by servers that know all operators in it."""

_TYPES = {
    torch.float32: TensorProto.FLOAT,
    torch.float16: TensorProto.FLOAT16,
    torch.uint8: TensorProto.UINT8,
}


@dataclass(frozen=True)
class GraphSpec:
    """What a kind of graph must look like from outside, and of what it may be made.

    Args:
        name: Of the graph, e.g. `unet`.
        input: Name of its input, `[batch, channel, *extents]`.
        channels: Of the input; None for `[batch, *extents]`.
        multiple: Of which the extents are multiples.
        output: Name of its output.
        output_channels: Of the output `[batch, channel, *extents]`; None for `[batch, *extents]`.
        operators: All that it needs. Another one means that the exporter did something new: look before it is served.
        input_type: Of the input: float32, float16 or uint8.
        output_type: The same of the output.
        extents: What the free axes are called, the last two or three of both tensors.
    """

    name: str
    input: str
    channels: int | None
    multiple: int
    output: str
    output_channels: int | None
    operators: frozenset[str]
    input_type: torch.dtype = torch.float32
    output_type: torch.dtype = torch.float32
    extents: tuple[str, ...] = ("height", "width")


def export_graph(net: nn.Module, spec: GraphSpec) -> onnx.ModelProto:
    """The graph of a network, ready to be served.

    Kernels are stored in float16, the batch and the extents are free (the extents in multiples), and nothing of the
    machine it was made on is left in it. The same network gives the same bytes.

    Args:
        net: For inference, float32, on the CPU; from the input of the spec to its output.
        spec: The form that the graph must have.

    Raises:
        GraphError: The network can't be exported, or the graph is not of the expected form.
    """
    # Sizes of 1 would be taken for constants, and equal ones for the same axis.
    sizes = [(4 - index) * spec.multiple for index in range(len(spec.extents))]
    fixed = [] if spec.channels is None else [spec.channels]
    example = torch.zeros(2, *fixed, *sizes, dtype=spec.input_type)
    free = {1 + len(fixed) + index: spec.multiple * Dim(name) for index, name in enumerate(spec.extents)}
    axes = {spec.input: {0: Dim("batch"), **free}}
    with _quiet_exporter():
        program = torch.onnx.export(
            net,
            (example,),
            dynamo=True,
            opset_version=OPSET,
            input_names=[spec.input],
            output_names=[spec.output],
            dynamic_shapes=axes,
            external_data=False,
            verbose=False,
        )
    if program is None:
        raise GraphError("net", "must be exportable", "no graph")
    model = program.model_proto
    _strip(model, name=spec.name)
    store_kernels_as_half(model)
    _name_axes(model, spec)
    _check(model, spec)
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


def _strip(model: onnx.ModelProto, *, name: str) -> None:
    """Removes stack traces, file names and versions that would tie the bytes to the machine they were made on."""
    graph = model.graph
    model.producer_name, model.producer_version, model.doc_string = "glioserve", "", ""
    model.ir_version = IR_VERSION
    del graph.value_info[:]
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        part.doc_string = ""
        del part.metadata_props[:]
    graph.name = name


def _name_axes(model: onnx.ModelProto, spec: GraphSpec) -> None:
    for value, channels in ((model.graph.input[0], spec.channels), (model.graph.output[0], spec.output_channels)):
        kept = () if channels is None else (channels,)
        shape = value.type.tensor_type.shape
        del shape.dim[:]
        for axis in ("batch", *kept, *spec.extents):
            if isinstance(axis, int):
                shape.dim.add().dim_value = axis
            else:
                shape.dim.add().dim_param = axis


def _check(model: onnx.ModelProto, spec: GraphSpec) -> None:
    """ONNX's own checks and ours.

    Raises:
        GraphError: One of them fails.
    """
    graph = model.graph
    names = ([value.name for value in graph.input], [value.name for value in graph.output])
    if names != ([spec.input], [spec.output]):
        raise GraphError("graph", f"must have the input {spec.input} and the output {spec.output}", f"{names}")
    types = [value.type.tensor_type.elem_type for value in (*graph.input, *graph.output)]
    if types != [_TYPES[spec.input_type], _TYPES[spec.output_type]]:
        raise GraphError("graph", f"must take {spec.input_type} and give {spec.output_type}", f"types {types}")
    if unknown := {node.op_type for node in graph.node} - spec.operators:
        raise GraphError("graph", f"must be made of {sorted(spec.operators)}", f"also {sorted(unknown)}")
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    if opsets != {"": OPSET}:
        raise GraphError("graph", f"must use opset {OPSET} alone", f"{opsets}")
    try:
        onnx.checker.check_model(model, full_check=True)
        shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    except (onnx.checker.ValidationError, shape_inference.InferenceError) as error:
        raise GraphError("graph", "must pass ONNX's checks", str(error)) from error
