"""The 2D U-Net of the paper (section 2.4; Ronneberger et al. 2015): four scaling levels, batch norm."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

LEVELS = 4
"""Scaling levels, after Pelt et al. as the paper recommends; inputs must be multiples of 2 ** LEVELS."""


class DoubleConvolution(nn.Sequential):
    """Two 3 x 3 convolutions, each followed by batch norm and ReLU."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(
            nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )


class UNet(nn.Module):
    """A U-Net that doubles its features at each of four downscalings and halves them on the way up.

    Args:
        in_channels: Number of input channels.
        base_width: Features at full resolution; 16 times as many at the bottom.
    """

    def __init__(self, in_channels: int, base_width: int) -> None:
        super().__init__()
        widths = [base_width * 2**level for level in range(LEVELS + 1)]
        self.encoders = nn.ModuleList(
            DoubleConvolution(before, after) for before, after in zip([in_channels, *widths], widths, strict=False)
        )
        self.pool = nn.MaxPool2d(2)
        descending = list(reversed(widths))
        pairs = list(pairwise(descending))
        self.upscalings = nn.ModuleList(nn.ConvTranspose2d(deep, flat, 2, stride=2) for deep, flat in pairs)
        self.decoders = nn.ModuleList(DoubleConvolution(deep, flat) for deep, flat in pairs)
        self.head = nn.Conv2d(base_width, 1, 1)

    def forward(self, slices: Tensor) -> Tensor:
        """Logits of the region.

        Args:
            slices: `float [slice, channel, i, j]`, z-scored, `i` and `j` multiples of 16.

        Returns:
            Logits, `float [slice, 1, i, j]`.
        """
        skips: list[Tensor] = []
        features = slices
        for level, encoder in enumerate(self.encoders):
            features = encoder(features if level == 0 else self.pool(features))
            skips.append(features)
        skips.pop()
        for upscaling, decoder in zip(self.upscalings, self.decoders, strict=True):
            features = decoder(torch.cat([skips.pop(), upscaling(features)], dim=1))
        logits: Tensor = self.head(features)
        return logits
