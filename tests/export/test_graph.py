from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from onnx import TensorProto
from torch import Tensor, nn

from export.errors import GraphError
from export.graph import IR_VERSION, OPSET, serialise
from export.parity import run_network
from export.unet_graph import INPUT, OUTPUT, export_unet
from tests.export.tiny import PLAN
from training.unet import UNet

CHANNELS = len(PLAN.channels)


def test_one_graph_takes_every_batch_and_size(net: UNet, graph: bytes) -> None:
    session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
    for count, height, width in ((1, 16, 16), (1, 64, 96), (3, 48, 32), (16, 32, 32)):
        slices = np.random.default_rng(0).standard_normal((count, CHANNELS, height, width)).astype(np.float32)
        (probabilities,) = session.run([OUTPUT], {INPUT: slices.astype(np.float16)})
        assert probabilities.shape == (count, height, width)
        assert probabilities.dtype == np.float16
        np.testing.assert_allclose(probabilities, run_network(net, slices), atol=0.01)


def test_declares_names_and_free_axes(graph: bytes) -> None:
    model = onnx.load_from_string(graph)
    (given,), (answered,) = model.graph.input, model.graph.output
    axes = [[dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim] for value in (given, answered)]
    assert (given.name, answered.name) == (INPUT, OUTPUT)
    assert axes == [["batch", CHANNELS, "height", "width"], ["batch", "height", "width"]]
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", OPSET)]
    assert model.ir_version == IR_VERSION


def test_batch_norm_is_folded_and_kernels_are_half(graph: bytes) -> None:
    model = onnx.load_from_string(graph)
    assert "BatchNormalization" not in {node.op_type for node in model.graph.node}
    kernels = [one for one in model.graph.initializer if len(one.dims) == 4]
    assert len(kernels) == 23
    assert {kernel.data_type for kernel in kernels} == {TensorProto.FLOAT16}
    assert {answer.type.tensor_type.elem_type for answer in (*model.graph.input, *model.graph.output)} == {
        TensorProto.FLOAT16
    }
    assert len(graph) < 2.3 * sum(np.prod(kernel.dims) for kernel in kernels)


def test_same_network_gives_same_bytes_without_traces_of_the_machine(net: UNet, graph: bytes) -> None:
    assert serialise(export_unet(net, channels=CHANNELS)) == graph
    for trace in (b".py", b"site-packages", b"/home", b"/root", b"stack_trace", torch.__version__.encode()):
        assert trace not in graph


def test_network_is_left_as_it_was(net: UNet) -> None:
    assert sum(isinstance(module, nn.BatchNorm2d) for module in net.modules()) == 18


def test_batch_norm_without_convolution_is_refused() -> None:
    class Loose(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm2d(3)

        def forward(self, slices: Tensor) -> Tensor:
            return self.norm(slices)[:, :1]

    with pytest.raises(GraphError, match="batch norm right behind a convolution"):
        export_unet(Loose(), channels=3)


def test_unexpected_operator_is_refused() -> None:
    class Tanh(nn.Module):
        def forward(self, slices: Tensor) -> Tensor:
            return torch.tanh(slices[:, :1])

    with pytest.raises(GraphError, match="must be made of"):
        export_unet(Tanh(), channels=3)


def test_kernel_beyond_half_precision_is_refused() -> None:
    huge = nn.Conv2d(3, 1, 1)
    with torch.no_grad():
        huge.weight.fill_(1e5)
    with pytest.raises(GraphError, match="must fit float16"):
        export_unet(nn.Sequential(huge), channels=3)
