"""A generator as an ONNX graph: `maps uint8 [batch, channel, height, width]` in, `images` float32 of that size out."""

from __future__ import annotations

import copy

import onnx
import torch
from torch import Tensor, nn

from export.graph import GraphSpec, export_graph
from imaging.brainmap.plan import GeneratorPlan

INPUT = "maps"
OUTPUT = "images"
INNER = "net."
"""Begins the names of the generator's own weights in a graph; older graphs go without."""
OPERATORS = frozenset(
    {
        *("Conv", "Cast", "Concat", "LeakyRelu", "Add"),  # blocks; kernels and the map's matrices are stored in float16
        *("Transpose", "LayerNormalization"),  # layer norm over channels, which ONNX has over the last axes only
        *("AveragePool", "Resize"),  # the map shrunk to each component, features enlarged to the next one
        *("Shape", "Slice", "Div", "Squeeze", "Reshape", "Expand"),  # noise, cut to the slice, for each slice
        *("Sigmoid", "Mul", "Sub", "ReduceMax"),  # a place within the band that the map tells, inside the brain
    }
)
"""All that a generator needs."""


def export_generator(net: nn.Module, plan: GeneratorPlan) -> onnx.ModelProto:
    """The graph of a generator, as of `export.graph.export_graph`.

    Args:
        net: Gives images `[n, contrast, h, w]`, 0 to 1, of maps `float32 [n, channel, h, w]`. Left as it is.
        plan: What it sees and draws.

    Raises:
        GraphError: The network can't be exported, or the graph is not of the expected form.
    """
    spec = GraphSpec(
        name="generator",
        input=INPUT,
        input_type=torch.uint8,
        channels=plan.channels.count,
        multiple=plan.multiple,
        output=OUTPUT,
        output_channels=len(plan.draws),
        operators=OPERATORS,
    )
    return export_graph(_TakesBytes(copy.deepcopy(net)).eval().to("cpu", torch.float32), spec)


class _TakesBytes(nn.Module):
    """A generator that is given its map in bytes: a quarter of what travels to a server."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, maps: Tensor) -> Tensor:
        """Images of maps `uint8 [n, channel, h, w]`, 0 or 1."""
        images: Tensor = self.net(maps.float())
        return images
