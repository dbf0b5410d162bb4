"""Losses of the segmentation networks."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import torch
from torch import Tensor
from torch.nn import functional

SMOOTHING = 0.01
"""The constant c of equation 4."""

Loss = Callable[[Tensor, Tensor], Tensor]


class LossName(StrEnum):
    """A loss, as a profile names it."""

    SOFT_DICE = "soft_dice"
    """Equation 4 of the paper."""
    SOFT_DICE_AND_CROSS_ENTROPY = "soft_dice_and_cross_entropy"
    """Equation 4 plus the voxel-wise binary cross entropy, which steadies batches with little tumour."""

    @property
    def function(self) -> Loss:
        """The loss of logits and targets, both `float [slice, 1, i, j]`."""
        return soft_dice_loss if self is LossName.SOFT_DICE else soft_dice_and_cross_entropy_loss


def soft_dice_loss(logits: Tensor, target: Tensor) -> Tensor:
    """One minus the soft Dice coefficient of a batch (equation 4, c = 0.01).

    The inner products run over the whole batch, so that slices without tumour count by their false positives.

    Args:
        logits: `float [slice, 1, i, j]`.
        target: 0 or 1, the same shape.

    Returns:
        A scalar, 0 for a perfect answer, below 1.
    """
    probabilities = torch.sigmoid(logits.float())
    target = target.float()
    overlap = (probabilities * target).sum()
    squares = (probabilities * probabilities).sum() + (target * target).sum()
    return 1.0 - (2.0 * overlap + SMOOTHING) / (squares + SMOOTHING)


def soft_dice_and_cross_entropy_loss(logits: Tensor, target: Tensor) -> Tensor:
    """The soft Dice loss plus the mean binary cross entropy. Arguments as for `soft_dice_loss`."""
    cross_entropy = functional.binary_cross_entropy_with_logits(logits.float(), target.float())
    return soft_dice_loss(logits, target) + cross_entropy
