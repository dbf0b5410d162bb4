from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto
from torch import Tensor, nn

from export.errors import GraphError
from export.generator_graph import INPUT, OPERATORS, OUTPUT, export_generator
from export.generator_parity import run_generator
from export.graph import serialise
from export.session import open_graph, run_session
from tests.export.tiny_generator import GENERATOR_PLAN
from training.synthesis.painter import TrainedGenerator

CHANNELS = GENERATOR_PLAN.channels.count


def test_one_graph_takes_every_batch_and_size(generator: TrainedGenerator, generator_graph: bytes) -> None:
    session = open_graph(generator_graph)
    for count, height, width in ((1, 8, 8), (1, 64, 96), (3, 48, 32), (4, 8, 16)):
        chosen = np.random.default_rng(0).integers(CHANNELS + 1, size=(count, 1, height, width))
        maps = (chosen == np.arange(CHANNELS)[:, np.newaxis, np.newaxis]).astype(np.uint8)
        images = run_session(session, maps, shape=(count, 1, height, width))
        np.testing.assert_allclose(images, run_generator(generator.net, maps), atol=0.01)
        assert not images[:, 0][chosen[:, 0] == CHANNELS].any()  # air


def test_declares_names_and_free_axes(generator_graph: bytes) -> None:
    model = onnx.load_from_string(generator_graph)
    (given,), (answered,) = model.graph.input, model.graph.output
    axes = [[dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim] for value in (given, answered)]
    assert (given.name, answered.name) == (INPUT, OUTPUT)
    assert axes == [["batch", CHANNELS, "height", "width"], ["batch", 1, "height", "width"]]
    assert {node.op_type for node in model.graph.node} == OPERATORS


def test_kernels_are_half_and_the_maps_matrices_exact(generator_graph: bytes) -> None:
    model = onnx.load_from_string(generator_graph)
    kernels = [one for one in model.graph.initializer if len(one.dims) == 4]
    assert len(kernels) == 4 * 3 + 1 + 2 + 3  # of the blocks, of the head, of the bands, and noise
    assert {kernel.data_type for kernel in kernels} == {TensorProto.FLOAT16}
    matrices = [onnx.numpy_helper.to_array(one) for one in kernels if "band" in one.name]
    assert [matrix[0, :, 0, 0].tolist() for matrix in matrices] == [
        [0.0, 0.25, 0.5, 0.75, 0.0, 0.0, 0.0],
        [1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0],
    ]


def test_same_network_gives_same_bytes_without_traces_of_the_machine(
    generator: TrainedGenerator, generator_graph: bytes
) -> None:
    assert serialise(export_generator(generator.net, GENERATOR_PLAN)) == generator_graph
    for trace in (b".py", b"site-packages", b"/home", b"/root", b"stack_trace", torch.__version__.encode()):
        assert trace not in generator_graph


def test_unexpected_operator_is_refused() -> None:
    class Tanh(nn.Module):
        def forward(self, maps: Tensor) -> Tensor:
            return torch.tanh(maps[:, :1])

    with pytest.raises(GraphError, match="must be made of"):
        export_generator(Tanh(), GENERATOR_PLAN)
