"""Training as the project does it against the plain loop: slices per second, of the generator and of the U-Net.

    python benchmarks/training_speed.py [--pairs 5] [--threads 2]

Both are the trainers' own steps, losses, judges, clipping and averaging included, on the same random batches: the
project's in bf16 autocast and channels-last, the plain one in fp32 and torch's own layout, as a loop is without these
two. On a GPU batches lie there already, the plain one's convolutions are TF32 as torch has them, and torch.compile
is a way of its own. Nets and batches are those of the profiles `small` (the generator of all four contrasts, with
three blocks of random VGG-19 features) and `best` (the U-Net of WT).
"""

from __future__ import annotations

import argparse
import logging
import math
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from lightning_fabric import Fabric
from pairing import PairedTimes, time_paired
from torch import Tensor, nn

from imaging.regions import Region
from training.loop import Trainer
from training.profiles import CHANNELS, ProfileName, profile_for
from training.records import NetFolder
from training.synthesis.loop import GeneratorTrainer
from training.synthesis.losses import IMAGE
from training.synthesis.plan import GeneratorFolder
from training.synthesis.profiles import GeneratorProfileName, Target, generator_profile
from training.synthesis.vgg import Vgg19

VGG_BLOCKS = 3
UNET_PATCH = (128, 160)
SEED = 1
TOLERANCE = 0.02
"""How far, of its size, the first loss in bf16 may be from that in fp32: further, and the two don't do the same."""


class Way(StrEnum):
    """How a net is trained."""

    PROJECT = "bf16, channels-last"
    COMPILED = "bf16, channels-last, compiled"
    PLAIN = "fp32, contiguous"

    @property
    def memory_format(self) -> torch.memory_format:
        """Layout of weights and batches."""
        return torch.contiguous_format if self is Way.PLAIN else torch.channels_last

    def fabric(self) -> Fabric:
        """Device and precision."""
        return Fabric(accelerator="auto", devices=1, precision="32-true" if self is Way.PLAIN else "bf16-mixed")

    def lay_out(self, net: nn.Module) -> None:
        """Bring a trainer's net, which is channels-last, into this way's layout."""
        net.to(memory_format=self.memory_format)  # type: ignore[call-overload]  # missing in torch's stubs

    def prepare(self, *nets: nn.Module) -> None:
        """The same, and compiled where this way is."""
        for net in nets:
            self.lay_out(net)
            if self is Way.COMPILED:
                net.compile()


class Timed(Protocol):
    """A trainer that is timed."""

    batch_size: int

    def step(self) -> float:
        """Learn from the next batch; its loss before."""


class TimedGenerator(GeneratorTrainer):
    """The generator's trainer on one random batch, its discriminator taking part."""

    def __init__(self, way: Way, folder: Path) -> None:
        target = Target.JOINT
        profile = generator_profile(GeneratorProfileName.SMALL, target)
        with seeded():
            vgg = Vgg19(VGG_BLOCKS)
            maps = torch.randint(2, (profile.batch_size, target.channels.count, *profile.frame)).float()
            images = torch.rand(profile.batch_size, len(target.draws), *profile.frame)
        super().__init__(target, profile, vgg=vgg, fabric=way.fabric(), folder=GeneratorFolder(folder), seed=SEED)
        self._way = way
        way.prepare(self._generator.module, self._critic.module, self._vgg)
        way.lay_out(self._average)
        self._batch = self._placed(maps), self._placed(images)
        self._rng = np.random.default_rng(SEED)
        self.batch_size = profile.batch_size

    def _placed(self, batch: Tensor) -> Tensor:
        moved: Tensor = self._fabric.to_device(batch)
        return moved.contiguous(memory_format=self._way.memory_format)

    def step(self) -> float:
        """The per-pixel term, with all the others in force."""
        terms, _ = self._step(*self._batch, self._rng, self._profile.epochs - 1)
        return terms[IMAGE]


class TimedUNet(Trainer):
    """The trainer of WT's U-Net on one random batch."""

    def __init__(self, way: Way, folder: Path) -> None:
        profile = profile_for(ProfileName.BEST, Region.WT)
        super().__init__(Region.WT, profile, fabric=way.fabric(), folder=NetFolder(folder), start=None, seed=SEED)
        way.prepare(self._net.module)
        if self._average is not None:
            way.lay_out(self._average)
        with seeded():
            slices = torch.randn(profile.batch_size, len(CHANNELS[Region.WT]), *UNET_PATCH)
            target = (torch.rand(profile.batch_size, 1, *UNET_PATCH) < 0.1).float()
        self._way = way
        self._batch = self._placed(slices), self._fabric.to_device(target)
        self.batch_size = profile.batch_size

    def _placed(self, batch: Tensor) -> Tensor:
        moved: Tensor = self._fabric.to_device(batch)
        return moved.contiguous(memory_format=self._way.memory_format)

    def step(self) -> float:
        """The loss."""
        return self._learn(*self._batch)


@contextmanager
def seeded() -> Iterator[None]:
    """The same random numbers each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        yield


def main() -> None:
    """Print the table; fail when the two ways don't do the same."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5, help="how often each way is timed (default: 5)")
    parser.add_argument("--threads", type=int, help="CPU threads (default: torch's choice)")
    arguments = parser.parse_args()
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    # Fabric tells its precision each time, which would break up the table.
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    cuda = torch.cuda.is_available()
    device = torch.cuda.get_device_name() if cuda else f"CPU, {torch.backends.cpu.get_cpu_capability()}"
    print(f"{device}; {torch.get_num_threads()} threads of {os.cpu_count()} cores; torch {torch.__version__}.")
    print(f"{arguments.pairs} pairs; slices/s are medians, a ratio is the median (least to greatest) of its pairs.\n")
    print("| net | way | slices/s | fp32, contiguous: slices/s | ratio |")
    print("|---|---|---|---|---|")
    nets: dict[str, Callable[[Way, Path], Timed]] = {"generator": TimedGenerator, "U-Net": TimedUNet}
    for name, make in nets.items():
        for way in (Way.PROJECT, *((Way.COMPILED,) if cuda else ())):
            compare(name, make, way, pairs=arguments.pairs, steps=20 if cuda else 1)


def compare(name: str, make: Callable[[Way, Path], Timed], way: Way, *, pairs: int, steps: int) -> None:
    """Time a way against the plain one and print the row.

    Raises:
        SystemExit: Their first losses differ.
    """
    # No state lies in the folder, so both start anew, from the same weights; nothing is written there either.
    with tempfile.TemporaryDirectory() as nowhere:
        ours, plain = make(way, Path(nowhere)), make(Way.PLAIN, Path(nowhere))
    first, wanted = ours.step(), plain.step()
    if not math.isclose(first, wanted, rel_tol=TOLERANCE):
        raise SystemExit(f"{name}: the first loss is {first:.5f} in {way.value}, but {wanted:.5f} in {Way.PLAIN.value}")
    times = time_paired(lambda: run(ours, steps), lambda: run(plain, steps), pairs=pairs)
    print(row(name, way, times, slices=steps * ours.batch_size), flush=True)


def run(trainer: Timed, steps: int) -> None:
    """Some steps, to the end of the last."""
    for _ in range(steps):
        trainer.step()
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def row(name: str, way: Way, times: PairedTimes, *, slices: int) -> str:
    """A row of the table."""
    ratios = [plain / ours for ours, plain in zip(times.first_s, times.second_s, strict=True)]
    return (
        f"| {name} | {way.value} | {slices / times.first_median_s:.1f} | {slices / times.second_median_s:.1f} | "
        f"{times.ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f}) |"
    )


if __name__ == "__main__":
    main()
