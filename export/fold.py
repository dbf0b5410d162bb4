"""Batch norm folded into the convolution before it: the same function with fewer operations."""

from __future__ import annotations

import copy
from itertools import pairwise

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from export.errors import GraphError


def fold_batch_norm(net: nn.Module) -> nn.Module:
    """A copy of a network, for inference, whose batch norms are part of its convolutions.

    At inference batch norm is an affine map per feature, and a convolution absorbs it (Ioffe and Szegedy 2015).

    Args:
        net: Each `BatchNorm2d` directly follows a `Conv2d` in an `nn.Sequential`. Left as it is.

    Raises:
        GraphError: A batch norm stands elsewhere.
    """
    folded = copy.deepcopy(net).eval()
    for sequence in folded.modules():
        if isinstance(sequence, nn.Sequential):
            _fold_sequence(sequence)
    left = sum(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    if left:
        raise GraphError("net", "must have every batch norm right behind a convolution", f"{left} elsewhere")
    return folded


def _fold_sequence(sequence: nn.Sequential) -> None:
    for index, (first, second) in enumerate(pairwise(list(sequence))):
        if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
            sequence[index] = fuse_conv_bn_eval(first, second)
            sequence[index + 1] = nn.Identity()
