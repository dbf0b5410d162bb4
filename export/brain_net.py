"""LinkNet in three dimensions, as deepbet has it (Fisch et al. 2024; after Chaurasia and Culurciello 2017).

Only what its released weights need: both networks, for the box and for the mask, are of this one form.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

INPUT_MEAN, INPUT_SPREAD = 0.449, 0.226
"""Of the intensities that the network was trained with: mean and standard deviation over what it sees."""


class LinkNet(nn.Module):
    """Gives probabilities `[n, 2, i, j, k]` (not brain, brain) of normalised intensities `[n, 1, i, j, k]`.

    The attributes are named as in the released weights. `i`, `j` and `k` are multiples of 32.
    """

    def __init__(self) -> None:
        super().__init__()
        first = nn.Conv3d(1, 16, 7, stride=2, padding=3, bias=False)
        self.init = nn.Sequential(first, nn.InstanceNorm3d(16), nn.ReLU(), nn.MaxPool3d(3, stride=2, padding=1))
        self.down0 = _Down(16, 16, stride=1)
        self.down1 = _Down(16, 32, stride=2)
        self.down2 = _Down(32, 64, stride=2)
        self.down3 = _Down(64, 128, stride=2)
        self.up0 = _Up(128, 64, stride=2)
        self.up1 = _Up(64, 32, stride=2)
        self.up2 = _Up(32, 16, stride=2)
        self.up3 = _Up(16, 16, stride=1)
        grow = nn.ConvTranspose3d(16, 8, 3, stride=2, padding=1, output_padding=1)
        self.tp_conv1 = nn.Sequential(grow, nn.InstanceNorm3d(8), nn.ReLU())
        self.conv = nn.Sequential(nn.Conv3d(8, 8, 3, padding=1), nn.InstanceNorm3d(8), nn.ReLU())
        self.tp_conv2 = nn.ConvTranspose3d(8, 2, 2, stride=2)

    def features(self, x: Tensor) -> Tensor:
        """What the last layer sees, `[n, 8, i / 2, j / 2, k / 2]`."""
        start = self.init(x)
        one = self.down0(start)
        two = self.down1(one)
        three = self.down2(two)
        x = self.up0(self.down3(three)) + three
        x = self.up2(self.up1(x) + two) + one
        features: Tensor = self.conv(self.tp_conv1(self.up3(x) + start))
        return features

    def forward(self, x: Tensor) -> Tensor:
        """Probabilities of normalised intensities."""
        return torch.softmax(self.tp_conv2(self.features(x)), dim=1)


class BrainProbability(nn.Module):
    """A LinkNet from bytes to bytes: levels `uint8 [n, i, j, k]` in, probability of brain times 255 out.

    Takes in the normalisation of intensities, and gives one logit where the network has two: softmax over two classes
    is the sigmoid of their difference. At the largest cube the second class alone would cost 134 MB and a second.
    """

    def __init__(self, net: LinkNet) -> None:
        super().__init__()
        self.net = net
        last = net.tp_conv2
        self.last = nn.ConvTranspose3d(last.in_channels, 1, last.kernel_size, stride=last.stride)  # type: ignore[arg-type]
        with torch.no_grad():
            self.last.weight.copy_(last.weight[:, 1:] - last.weight[:, :1])
            if last.bias is None or self.last.bias is None:
                raise TypeError("the last layer must have a bias")
            self.last.bias.copy_(last.bias[1:] - last.bias[:1])

    def forward(self, volume: Tensor) -> Tensor:
        """Probability times 255 of levels."""
        logits = self.last(self.net.features(normalise(volume.unsqueeze(1).float())))
        return torch.round(torch.sigmoid(logits) * 255.0).to(torch.uint8).squeeze(1)


def normalise(x: Tensor) -> Tensor:
    """Intensities `[n, 1, i, j, k]` of any scale with the mean and the spread that the network was trained with."""
    centred = x - _mean(x)
    spread = _mean(centred * centred).sqrt()
    return INPUT_SPREAD * centred / spread + INPUT_MEAN


def _mean(x: Tensor) -> Tensor:
    """The mean over all extents, axis by axis: one float32 sum of 17 million voxels would lose its last digits."""
    for axis in (4, 3, 2):
        x = x.mean(dim=axis, keepdim=True)
    return x


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, *, stride: int) -> None:
        super().__init__()
        self.double_conv = nn.Sequential(
            nn.Conv3d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
            nn.InstanceNorm3d(outputs),
            nn.ReLU(),
            nn.Conv3d(outputs, outputs, 3, padding=1, bias=False),
            nn.InstanceNorm3d(outputs),
        )
        self.downsample: nn.Module = nn.Identity()
        if stride > 1:
            shrink = nn.Conv3d(inputs, outputs, 1, stride=stride, bias=False)
            self.downsample = nn.Sequential(shrink, nn.InstanceNorm3d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.double_conv(x) + self.downsample(x))


class _Down(nn.Module):
    def __init__(self, inputs: int, outputs: int, *, stride: int) -> None:
        super().__init__()
        self.block1 = _Block(inputs, outputs, stride=stride)
        self.block2 = _Block(outputs, outputs, stride=1)

    def forward(self, x: Tensor) -> Tensor:
        deeper: Tensor = self.block2(self.block1(x))
        return deeper


class _Up(nn.Module):
    def __init__(self, inputs: int, outputs: int, *, stride: int) -> None:
        super().__init__()
        inner = inputs // 4
        grow = nn.ConvTranspose3d(inner, inner, 3, stride=stride, padding=1, output_padding=stride - 1, bias=False)
        self.conv1 = nn.Sequential(nn.Conv3d(inputs, inner, 1, bias=False), nn.InstanceNorm3d(inner), nn.ReLU())
        self.tp_conv = nn.Sequential(grow, nn.InstanceNorm3d(inner), nn.ReLU())
        self.conv2 = nn.Sequential(nn.Conv3d(inner, outputs, 1, bias=False), nn.InstanceNorm3d(outputs), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        shallower: Tensor = self.conv2(self.tp_conv(self.conv1(x)))
        return shallower
