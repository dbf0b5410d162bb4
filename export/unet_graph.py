"""A U-Net as an ONNX graph: `slices [batch, channel, height, width]` in, `probabilities` without channels out.

Both tensors are float16, half of what would travel to a server; all between them is computed in float32.
"""

from __future__ import annotations

import onnx
import torch
from torch import Tensor, nn

from export.fold import fold_batch_norm
from export.graph import GraphSpec, export_graph
from imaging.pipeline.plan import MULTIPLE

INPUT = "slices"
OUTPUT = "probabilities"
OPERATORS = frozenset({"Cast", "Concat", "Conv", "ConvTranspose", "MaxPool", "Relu", "Sigmoid", "Squeeze"})
"""All that a folded U-Net needs."""


class _Probabilities(nn.Module):
    """A network of logits `[n, 1, h, w]` as one of probabilities `[n, h, w]`, float16 at either end."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, slices: Tensor) -> Tensor:
        probabilities: Tensor = torch.sigmoid(self.net(slices.float())).squeeze(1).half()
        return probabilities


def export_unet(net: nn.Module, *, channels: int) -> onnx.ModelProto:
    """The graph of a U-Net, as of `export.graph.export_graph`; batch norm is folded.

    Args:
        net: Gives logits `[n, 1, h, w]` of slices `float32 [n, channel, h, w]`. Left as it is.
        channels: Its input channels.

    Raises:
        GraphError: The network can't be exported, or the graph is not of the expected form.
    """
    spec = GraphSpec(
        name="unet",
        input=INPUT,
        input_type=torch.float16,
        channels=channels,
        multiple=MULTIPLE,
        output=OUTPUT,
        output_type=torch.float16,
        output_channels=None,
        operators=OPERATORS,
    )
    return export_graph(_Probabilities(fold_batch_norm(net)).eval().to("cpu", torch.float32), spec)
