"""Training as the project does it against the plain loop: slices per second, of the generator and of the U-Net.

    python -m benchmarks.training_speed [--pairs 5] [--threads 2] [--net generator|U-Net]

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
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from benchmarks.pairing import Rounds, by_turns, clocked
from benchmarks.record import Claim, Record, Table, publish
from benchmarks.workload import common_options, options_of
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


NETS: dict[str, Callable[[Way, Path], Timed]] = {"U-Net": TimedUNet, "generator": TimedGenerator}


def main() -> None:
    """Measure and publish; fail when two ways don't do the same."""
    arguments = parse_arguments()
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    # Fabric tells its precision each time, which would break up the table.
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    cuda = torch.cuda.is_available()
    ways = (Way.PROJECT, Way.COMPILED) if cuda else (Way.PROJECT,)
    steps = arguments.steps or (20 if cuda else 1)
    claims, rows = [], []
    for name in [arguments.net] if arguments.net else NETS:
        for way in ways:
            rounds, slices = compare(name, way, pairs=arguments.pairs, steps=steps)
            gain = rounds.ratio(Way.PLAIN, way)
            rates = [f"{slices / rounds.spread(each).median:.1f}" for each in (way, Way.PLAIN)]
            rows.append([name, way.value, *rates, gain.text()])
            what = f"training of the {name} in {way.value} against the plain loop"
            claims.append(Claim(what, "faster in every pair", f"{gain.text()} times", gain.least > 1))
    device = torch.cuda.get_device_name() if cuda else f"CPU, {torch.backends.cpu.get_cpu_capability()}"
    caption = f"{device}, {torch.get_num_threads()} threads; slices per second, and the ratio pair by pair."
    table = Table(caption, ["net", "way", "slices/s", f"{Way.PLAIN.value}: slices/s", "ratio"], rows)
    publish(Record("training_speed", options_of(arguments), claims, [table]), arguments.results)


def compare(name: str, way: Way, *, pairs: int, steps: int) -> tuple[Rounds, int]:
    """Time a way against the plain one; the times, and how many slices each learned from.

    Raises:
        SystemExit: Their first losses differ.
    """
    # No state lies in the folder, so both start anew, from the same weights; nothing is written there either.
    with tempfile.TemporaryDirectory() as nowhere:
        ours, plain = (NETS[name](each, Path(nowhere)) for each in (way, Way.PLAIN))
    first, wanted = ours.step(), plain.step()
    if not math.isclose(first, wanted, rel_tol=TOLERANCE):
        raise SystemExit(f"{name}: the first loss is {first:.5f} in {way.value}, but {wanted:.5f} in {Way.PLAIN.value}")
    ways = {way.value: clocked(lambda: run(ours, steps)), Way.PLAIN.value: clocked(lambda: run(plain, steps))}
    return by_turns(ways, rounds=pairs), steps * ours.batch_size


def run(trainer: Timed, steps: int) -> None:
    """Some steps, to the end of the last."""
    for _ in range(steps):
        trainer.step()
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def parse_arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = common_options(__doc__, pairs=5, models=False)
    parser.add_argument("--threads", type=int, help="CPU threads (default: torch's choice)")
    parser.add_argument("--steps", type=int, help="in one timing (default: 1, on a GPU 20)")
    parser.add_argument("--net", choices=tuple(NETS), help="this one alone")
    return parser.parse_args(given)


if __name__ == "__main__":
    main()
