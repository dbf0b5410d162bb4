"""The first judge: VGG-19 (Simonyan and Zisserman, ICLR 2015), whose features say how like two images look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from training.errors import TrainingError

BLOCKS = ((64, 64), (128, 128), (256, 256, 256, 256), (512, 512, 512, 512), (512, 512, 512, 512))
"""Features of the convolutions of each block."""
JUDGED = (2, 2, 2, 2, 2)
"""Whose rectified output is compared: conv1_2 to conv5_2, as Chen and Koltun (ICCV 2017) do."""
_MEAN = (0.485, 0.456, 0.406)
_SD = (0.229, 0.224, 0.225)
"""Of ImageNet's colours, 0 to 1, RGB: what torchvision's weights were trained with."""
_CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)
"""Subtracted from colours 0 to 255, BGR: what the authors' own weights were trained with."""
WEIGHTS_RULE = "must name a file of VGG-19 weights, or random features by the word random"


class VggSource(StrEnum):
    """Where the features come from."""

    FILE = "file"
    """A file of trained weights."""
    RANDOM = "random"
    """Random features, asked for by name: structure is still compared, but by no trained eye."""


@dataclass(frozen=True)
class VggWeights:
    """The weights of the first judge.

    Args:
        source: Trained or random.
        path: The file, for trained ones: torchvision's `vgg19` state dictionary (`.pt`, `.pth`), or an archive of
            kernels in Keras layout (`.npz` with `block1_conv1.kernel` and so on, height x width x in x out).

    Raises:
        TrainingError: A file is missing where trained weights are asked for, or named beside random ones.
    """

    source: VggSource
    path: Path | None = None

    def __post_init__(self) -> None:
        if self.source is VggSource.FILE and self.path is None:
            raise TrainingError("vgg_weights", WEIGHTS_RULE, "none")
        if self.source is VggSource.RANDOM and self.path is not None:
            raise TrainingError("vgg_weights", "must name no file for random features", self.path.name)


class Vgg19(nn.Module):
    """The convolutions of VGG-19, with torchvision's parameter names (`features.0.weight` and so on).

    Args:
        blocks: How many of the five blocks are there, from the first.
    """

    def __init__(self, blocks: int) -> None:
        super().__init__()
        self.blocks = blocks
        layers: list[nn.Module] = []
        self._judged: list[int] = []
        before = 3
        for features, judged in zip(BLOCKS[:blocks], JUDGED, strict=False):
            for number, after in enumerate(features, start=1):
                layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU()]
                before = after
                if number == judged:
                    self._judged.append(len(layers) - 1)
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("sd", torch.tensor(_SD).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(requires_grad=False)
        self.eval()

    def forward(self, images: Tensor) -> list[Tensor]:
        """Features of images.

        Args:
            images: Grey, `float [image, 1, i, j]`, 0 to 1.

        Returns:
            One `[image, feature, i', j']` per block that is there.
        """
        outputs = []
        hidden = (images.expand(-1, 3, -1, -1) - self.get_buffer("mean")) / self.get_buffer("sd")
        for index in range(self._judged[-1] + 1):
            hidden = self.features[index](hidden)
            if index in self._judged:
                outputs.append(hidden)
        return outputs


def load_vgg(weights: VggWeights, *, seed: int) -> Vgg19:
    """The first judge with its weights; of a file, all blocks that it holds.

    Args:
        weights: Which.
        seed: Of random features.

    Raises:
        TrainingError: The file can't be read, or does not hold whole blocks of VGG-19 from the first on.
    """
    if weights.path is None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return Vgg19(len(BLOCKS))
    keras = weights.path.suffix == ".npz"
    state = _read_keras(weights.path) if keras else _read_torchvision(weights.path)
    blocks = _whole_blocks(state)
    if blocks == 0:
        raise TrainingError("vgg_weights", "must hold whole blocks of VGG-19 from the first on", "no whole block")
    net = Vgg19(blocks)
    try:
        net.load_state_dict({name: state[name] for name in net.state_dict()})
    except RuntimeError as error:
        raise TrainingError("vgg_weights", "must have VGG-19's shapes", str(error).splitlines()[-1].strip()) from None
    if keras:
        # Not before the shapes are known: a kernel for grey images would be stretched to three colours in silence.
        _adapt_first(net)
    return net


def _convolution_names(blocks: Sequence[Sequence[int]] = BLOCKS) -> list[list[str]]:
    """Torchvision's module names of the convolutions of each block: features.0, features.2, features.5, ..."""
    names, index = [], 0
    for features in blocks:
        names.append([f"features.{index + 2 * number}" for number in range(len(features))])
        index += 2 * len(features) + 1
    return names


def _whole_blocks(state: Mapping[str, Tensor]) -> int:
    whole = 0
    for names in _convolution_names():
        if not all(f"{name}.{part}" in state for name in names for part in ("weight", "bias")):
            break
        whole += 1
    return whole


def _read_torchvision(path: Path) -> dict[str, Tensor]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001  # torch.load raises whatever its unpickler and zip reader do
        raise TrainingError("vgg_weights", "must be a readable state dictionary", type(error).__name__) from None
    if not isinstance(content, dict):
        raise TrainingError("vgg_weights", "must be a state dictionary", type(content).__name__)
    return content


def _read_keras(path: Path) -> dict[str, Tensor]:
    """Kernels and biases by torchvision's names, in its order of axes."""
    try:
        # A file of our own: np.load leaves one that it opened open where the archive is broken.
        with path.open("rb") as file, np.load(file) as archive:
            arrays = {name: archive[name].astype(np.float32) for name in archive.files}
    except Exception as error:  # noqa: BLE001  # np.load raises whatever its zip and header readers do
        raise TrainingError("vgg_weights", "must be a readable archive", type(error).__name__) from None
    state: dict[str, Tensor] = {}
    for block, names in enumerate(_convolution_names(), start=1):
        for number, name in enumerate(names, start=1):
            stem = f"block{block}_conv{number}"
            kernel, bias = arrays.get(f"{stem}.kernel"), arrays.get(f"{stem}.bias")
            if kernel is None or bias is None:
                continue
            if kernel.ndim != 4:
                raise TrainingError("vgg_weights", "must have VGG-19's shapes", f"{stem}.kernel of {kernel.shape}")
            state[f"{name}.weight"] = torch.from_numpy(np.ascontiguousarray(kernel.transpose(3, 2, 0, 1)))
            state[f"{name}.bias"] = torch.from_numpy(bias)
    return state


def _adapt_first(net: Vgg19) -> None:
    """Fold the change from BGR, 0 to 255, minus a mean, to RGB in torchvision's normalisation into the first layer.

    Its own input is 255 x - mean with x from 0 to 1; ours is (x - m) / s, so x = s y + m. What the shift adds to the
    bias is exact but for the image's border, where padding stands for the mean colour in both.
    """
    first = net.get_submodule("features.0")
    weight, bias = first.get_parameter("weight"), first.get_parameter("bias")
    kernel = weight.flip(1)
    scale = 255.0 * torch.tensor(_SD).view(1, 3, 1, 1)
    shift = 255.0 * torch.tensor(_MEAN) - torch.tensor(_CAFFE_MEAN_BGR).flip(0)
    bias.add_((kernel.sum(dim=(2, 3)) * shift).sum(dim=1))
    weight.copy_(kernel * scale)
