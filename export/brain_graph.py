"""A network of brain extraction as an ONNX graph: `volume uint8 [batch, i, j, k]` in, `probabilities` uint8 out."""

from __future__ import annotations

import copy

import onnx
import torch

from export.brain_net import BrainProbability, LinkNet
from export.graph import GraphSpec, export_graph
from imaging.brain.plan import MULTIPLE

INPUT = "volume"
OUTPUT = "probabilities"
OPERATORS = frozenset(
    {
        *("Cast", "Unsqueeze", "ReduceMean", "Sub", "Mul", "Sqrt", "Div", "Add"),  # normalisation; skips are added too
        *("Conv", "ConvTranspose", "InstanceNormalization", "Relu", "MaxPool"),
        *("Sigmoid", "Round", "Squeeze"),
    }
)
"""All that a network of brain extraction needs."""


def export_brain(net: LinkNet) -> onnx.ModelProto:
    """The graph of a network, as of `export.graph.export_graph`, with the normalisation of intensities in it.

    Args:
        net: Left as it is.

    Raises:
        GraphError: The network can't be exported, or the graph is not of the expected form.
    """
    spec = GraphSpec(
        name="brain",
        input=INPUT,
        input_type=torch.uint8,
        channels=None,
        multiple=MULTIPLE,
        output=OUTPUT,
        output_type=torch.uint8,
        output_channels=None,
        extents=("i", "j", "k"),
        operators=OPERATORS,
    )
    return export_graph(BrainProbability(copy.deepcopy(net)).eval().to("cpu", torch.float32), spec)
