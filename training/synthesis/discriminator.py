"""The second judge: a patch discriminator that sees an image beside its map (paper, section 2.3.3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

DETAIL_WIDTH = 5
"""Pixels over which an image is averaged to tell its detail from its shades."""
DETAIL_GAIN = 10.0
"""Detail is a few hundredths of the range; unamplified, the map's edges drown it."""


class PatchDiscriminator(nn.Module):
    """Judges overlapping patches of a slice, 46 pixels wide, given the map (Isola et al., CVPR 2017).

    Real and synthetic slices of one map differ by their fine texture alone, so that is shown to it beside the image.
    For the same reason nothing is normalised: an instance norm would take away how much texture there is, a spectral
    norm the power to tell it from none.

    Args:
        map_channels: Channels of the map.
        contrasts: Channels of the image.
        width: Features after the first layer; doubled twice.
    """

    def __init__(self, map_channels: int, contrasts: int, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(map_channels + 2 * contrasts, width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 4 * width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(4 * width, 1, 4, padding=1),
        )

    def forward(self, maps: Tensor, images: Tensor) -> Tensor:
        """Scores of patches, `[slice, 1, i', j']`: high for real.

        Args:
            maps: `float [slice, channel, i, j]`.
            images: `float [slice, contrast, i, j]`, 0 to 1.
        """
        blurred = functional.avg_pool2d(images, DETAIL_WIDTH, stride=1, padding=DETAIL_WIDTH // 2)
        detail = DETAIL_GAIN * (images - blurred)
        scores: Tensor = self.layers(torch.cat([maps, 2.0 * images - 1.0, detail], dim=1))
        return scores
