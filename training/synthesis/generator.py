"""The generator: components C0 to Cn, each at twice the resolution of the one before (paper, section 2.3.2).

The form is that of the cascaded refinement networks of Chen and Koltun, ICCV 2017.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from imaging.brainmap.encode import MapChannels
from imaging.brainmap.maps import BANDS
from imaging.modality import Modality
from training.errors import TrainingError

SLOPE = 0.2
"""Of the leaky rectifier below zero."""
NOISY = 3
"""How many of the last components are given noise: a map has wide areas without any detail to draw texture from."""
LARGEST = 256
"""Pixels along I and J of the largest slice that can be drawn; the noise is of this size."""
NOISE_SEED = 0


class ChannelNorm(nn.Module):
    """Layer norm over the channels of each pixel (Ba et al. 2016), so that a slice's size changes nothing in it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, features: Tensor) -> Tensor:
        """Normalise `[slice, channel, i, j]`."""
        last = features.permute(0, 2, 3, 1)
        normed = functional.layer_norm(last, self.weight.shape, self.weight, self.bias)
        return normed.permute(0, 3, 1, 2)


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions with layer norm beside a 1 x 1 one; leaky rectifiers."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
        self.first_norm = ChannelNorm(out_channels)
        self.second = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.second_norm = ChannelNorm(out_channels)
        self.skip = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        """`[slice, in_channels, i, j]` to `[slice, out_channels, i, j]`."""
        inner = functional.leaky_relu(self.first_norm(self.first(features)), SLOPE)
        return functional.leaky_relu(self.second_norm(self.second(inner)) + self.skip(features), SLOPE)


class Generator(nn.Module):
    """Draws contrasts from the channels of a brain map.

    The map itself says in which quarter of its range a contrast lies at a voxel whose band it tells, so the last
    layer only decides where within that quarter; elsewhere in the brain it has the whole range, outside the brain
    the image is 0. A drawn image therefore never contradicts the map that it was drawn from.

    Texture needs a source: the last components are given fixed noise, the same for every slice, so that the same map
    always gives the same image.

    Args:
        channels: Which parts of a map it sees.
        draws: The contrasts that it draws, in the order of its output channels.
        widths: Features of C0 to Cn, more than `NOISY` of them. A slice's size must be a multiple of 2 ** n and at most
            `LARGEST`; with the paper's seven components C0 sees 4 x 4 pixels of a slice of 256 x 256.

    Raises:
        TrainingError: There are too few components.
    """

    def __init__(self, channels: MapChannels, draws: Sequence[Modality], widths: Sequence[int]) -> None:
        super().__init__()
        if len(widths) <= NOISY:
            raise TrainingError("widths", f"must be of more than {NOISY} components", f"{len(widths)}")
        self.multiple = 2 ** (len(widths) - 1)
        count = channels.count
        noisy = [0] * (len(widths) - NOISY) + [1] * NOISY
        self.components = nn.ModuleList(
            [ResidualBlock(count, widths[0])]
            + [
                ResidualBlock(low + count + noise, high)
                for (low, high), noise in zip(pairwise(widths), noisy[1:], strict=True)
            ]
        )
        rng = np.random.default_rng(NOISE_SEED)
        for level in range(NOISY):
            noise = rng.standard_normal((1, 1, LARGEST // 2**level, LARGEST // 2**level), dtype=np.float32)
            self.register_buffer(f"noise_{level}", torch.from_numpy(noise))
        self.head = nn.Conv2d(widths[-1], len(draws), 1)
        self.register_buffer("band_floor", _band_matrix(channels, draws, floor=True), persistent=False)
        self.register_buffer("band_told", _band_matrix(channels, draws, floor=False), persistent=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Draw slices.

        Args:
            maps: `float [slice, channel, i, j]`, 0 or 1, sizes multiples of `multiple`.

        Returns:
            `float [slice, contrast, i, j]`, 0 to 1, 0 outside the brain.
        """
        pyramid = [maps]
        for _ in self.components[1:]:
            pyramid.append(functional.avg_pool2d(pyramid[-1], 2))
        pyramid[:NOISY] = [self._with_noise(layout, level) for level, layout in enumerate(pyramid[:NOISY])]
        features = self.components[0](pyramid[-1])
        for component, layout in zip(self.components[1:], reversed(pyramid[:-1]), strict=True):
            larger = functional.interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=False)
            features = component(torch.cat([larger, layout], dim=1))
        where = torch.sigmoid(self.head(features).float())
        maps = maps.float()
        floor = functional.conv2d(maps, self.get_buffer("band_floor"))
        span = 1.0 - (1.0 - 1.0 / BANDS) * functional.conv2d(maps, self.get_buffer("band_told"))
        brain = maps.amax(dim=1, keepdim=True)
        return (floor + span * where) * brain

    def _with_noise(self, layout: Tensor, level: int) -> Tensor:
        """The map of a resolution with a channel of noise."""
        count, _, rows, columns = layout.shape
        noise = self.get_buffer(f"noise_{level}")[:, :, :rows, :columns].to(layout.dtype)
        return torch.cat([layout, noise.expand(count, -1, -1, -1)], dim=1)


def _band_matrix(channels: MapChannels, draws: Sequence[Modality], *, floor: bool) -> Tensor:
    """A 1 x 1 convolution `[contrast, channel, 1, 1]` of a map's channels: the band's lower end, or if one is told."""
    matrix = torch.zeros(len(draws), channels.count, 1, 1)
    for row, contrast in enumerate(draws):
        if contrast in channels.contrasts:
            first = channels.contrasts.index(contrast) * BANDS
            matrix[row, first : first + BANDS, 0, 0] = torch.arange(BANDS) / BANDS if floor else torch.ones(BANDS)
    return matrix
