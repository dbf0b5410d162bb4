"""Trained generators as a painter of brain maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from lightning_fabric import Fabric

from imaging.brainmap.encode import MapChannels
from imaging.modality import Modality
from training.errors import TrainingError
from training.synthesis.generator import LARGEST, Generator
from training.synthesis.plan import GeneratorRunFolder, GeneratorRunPlan
from training.synthesis.profiles import Target


@dataclass(frozen=True, eq=False)
class TrainedGenerator:
    """A trained generator.

    Args:
        net: In evaluation mode.
        target: Which of the generators it is.
        channels: What it sees of a map.
        epoch: After how many epochs these weights were kept.
    """

    net: Generator
    target: Target
    channels: MapChannels
    epoch: int


class TorchPainter:
    """Paints by torch: with the joint generator alone, or with one generator for each contrast.

    Args:
        generators: Which together draw every contrast once.
        fabric: Device and precision; by default the fastest device there is, in float32.

    Raises:
        TrainingError: A contrast is drawn by none or by several of them.
    """

    def __init__(self, generators: Sequence[TrainedGenerator], *, fabric: Fabric | None = None) -> None:
        drawn = [modality for generator in generators for modality in generator.target.draws]
        if sorted(drawn) != sorted(Modality):
            raise TrainingError("generators", "must draw each contrast once", ", ".join(drawn) or "none")
        self._fabric = fabric or Fabric(accelerator="auto", devices=1)
        self._generators = [(generator, generator.net.to(self._fabric.device)) for generator in generators]
        self.multiple = max(generator.net.multiple for generator in generators)

    def paint(
        self, bands: Mapping[Modality, npt.NDArray[np.uint8]], lesion: npt.NDArray[np.uint8]
    ) -> Mapping[Modality, npt.NDArray[np.float32]]:
        """Draw slices; see `imaging.brainmap.draw.Painter`.

        Raises:
            TrainingError: A slice is larger than a generator can draw.
        """
        if max(lesion.shape[1:]) > LARGEST:
            raise TrainingError("slices", f"must be at most {LARGEST} x {LARGEST}", f"{lesion.shape[1:]}")
        painted: dict[Modality, npt.NDArray[np.float32]] = {}
        for generator, net in self._generators:
            maps = torch.from_numpy(generator.channels.encode(bands, lesion)).to(self._fabric.device).float()
            with torch.inference_mode(), self._fabric.autocast():
                images = net(maps.contiguous(memory_format=torch.channels_last)).float().cpu().numpy()
            painted |= {modality: images[:, index] for index, modality in enumerate(generator.target.draws)}
        return painted


def load_generator(run: GeneratorRunFolder, plan: GeneratorRunPlan, target: Target) -> TrainedGenerator:
    """A generator of a run.

    Raises:
        TrainingError: The run has no weights of it.
    """
    folder = run.generator(target)
    if not folder.weights.exists():
        raise TrainingError("run", f"must hold trained weights of the generator {target.value}", "none")
    net = build_generator(plan, target)
    content = torch.load(folder.weights, map_location="cpu", weights_only=True)
    net.load_state_dict(content["net"])
    net.eval()
    return TrainedGenerator(net, target, plan.channels[target], content["epoch"])


def build_generator(plan: GeneratorRunPlan, target: Target) -> Generator:
    """A generator as planned, with random weights."""
    return Generator(plan.channels[target], target.draws, plan.profiles[target].widths)
