"""Batches of training slices: which slices, which part of them, how changed. Pure functions of a seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from imaging.modality import Channel, Modality
from imaging.regions import Region
from training.augment import change_intensities, deform, flip_left_right
from training.cache import REGION_BITS, CachedCase
from training.profiles import CHANNELS, Profile, Sampling
from training.workers import Share

Scalar = TypeVar("Scalar", bound=np.generic)

TUMOUR_SLICES = 64
REGION_SHARE = 0.75
PATCH_JITTER = 16
ALONE = Share()
"""Of a single process: all of every batch."""

_MODALITY_INDEX = {modality: index for index, modality in enumerate(Modality)}


@dataclass(frozen=True)
class _Choice:
    """One slice of one case."""

    case: int
    slice: int


class BatchSource:
    """Makes the batches of any epoch of one network's training.

    Args:
        cases: Training patients.
        region: The target.
        profile: Sampling, patch and augmentation.
        seed: With the epoch's number, and the worker's where there are several, it decides all that is left to chance.
        share: What of every batch is made here. All workers choose the same slices, and each shows its own.
    """

    def __init__(
        self, cases: Sequence[CachedCase], region: Region, profile: Profile, *, seed: int, share: Share = ALONE
    ) -> None:
        self._cases = cases
        self._region = region
        self._profile = profile
        self._seed = seed
        self._share = share
        self._with_region = [np.flatnonzero(case.mask(region).any(axis=(1, 2))) for case in cases]
        # TC and ET are only ever asked about where WT was found, so that is where their negatives come from.
        self._anywhere = [
            np.flatnonzero(case.mask(Region.WT).any(axis=(1, 2)))
            if region is not Region.WT
            else np.arange(len(case.slices))
            for case in cases
        ]
        self._frame = (max(case.slices.shape[2] for case in cases), max(case.slices.shape[3] for case in cases))

    def steps(self) -> int:
        """Batches of an epoch."""
        if self._profile.steps_per_epoch is not None:
            return self._profile.steps_per_epoch
        return -(-len(self._cases) * TUMOUR_SLICES // self._profile.batch_size)

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches of inputs `float32 [slice, channel, i, j]` and targets `float32 [slice, 1, i, j]`."""
        rng = np.random.default_rng([self._seed, number])
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        choices = self._choices(rng)
        size, share = self._profile.batch_size, self._share
        if share.count > 1:  # from here on each worker has its own chance
            rng = np.random.default_rng([self._seed, number, share.rank])
            generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        for step in range(self.steps()):
            batch = choices[step * size : (step + 1) * size]
            if len(batch) >= share.count:  # a worker without a slice would keep the others waiting
                yield self._batch(batch[share.rank :: share.count], rng, generator)

    def _choices(self, rng: np.random.Generator) -> list[_Choice]:
        if self._profile.sampling is Sampling.TUMOUR_64:
            every = [
                _Choice(index, number)
                for index, case in enumerate(self._cases)
                for number in tumour_slices(case.mask(Region.WT))
            ]
            order = rng.permutation(len(every))
            return [every[index] for index in order]
        choices = []
        for _ in range(self.steps() * self._profile.batch_size):
            index = int(rng.integers(len(self._cases)))
            here = self._with_region[index]
            pool = here if here.size and rng.random() < REGION_SHARE else self._anywhere[index]
            choices.append(_Choice(index, int(rng.choice(pool))))
        return choices

    def _batch(
        self, choices: Sequence[_Choice], rng: np.random.Generator, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        parts = [self._part(choice, rng) for choice in choices]
        slices = torch.from_numpy(np.stack([part[0] for part in parts]).astype(np.float32))
        target = torch.from_numpy(np.stack([part[1] for part in parts])[:, np.newaxis].astype(np.float32))
        slices, target = flip_left_right(slices, target, generator)
        if self._profile.strong_augmentation:
            slices, target = deform(slices, target, generator)
            slices = change_intensities(slices, generator)
        return select_channels(slices, CHANNELS[self._region]), target

    def _part(self, choice: _Choice, rng: np.random.Generator) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.bool_]]:
        """The patch of a slice: `[modality, i, j]` and its mask `[i, j]`."""
        case = self._cases[choice.case]
        slices = np.asarray(case.slices[choice.slice])
        mask = (case.labels[choice.slice] & REGION_BITS[self._region]) != 0
        if self._profile.patch is None:
            return fit(slices, self._frame), fit(mask, self._frame)
        size = self._profile.patch
        start = self._patch_start(case.labels[choice.slice], size, rng)
        window = (slice(start[0], start[0] + size[0]), slice(start[1], start[1] + size[1]))
        return fit(slices[:, *window], size), fit(mask[window], size)

    def _patch_start(
        self, labels: npt.NDArray[np.uint8], size: tuple[int, int], rng: np.random.Generator
    ) -> tuple[int, int]:
        """Where the patch begins: anywhere for WT, about a random voxel of the tumour for TC and ET."""
        last = [max(extent - length, 0) for extent, length in zip(labels.shape, size, strict=True)]
        tumour = np.argwhere(labels != 0)
        if self._region is Region.WT or not len(tumour):
            return int(rng.integers(last[0] + 1)), int(rng.integers(last[1] + 1))
        centre = tumour[rng.integers(len(tumour))] + rng.integers(-PATCH_JITTER, PATCH_JITTER + 1, size=2)
        first, second = (min(max(int(centre[axis]) - size[axis] // 2, 0), last[axis]) for axis in range(2))
        return first, second


def tumour_slices(whole_tumour: npt.NDArray[np.bool_]) -> range:
    """The 64 consecutive slices that hold most of the tumour (paper, section 2.2); all where there are fewer.

    Args:
        whole_tumour: `bool [slice, i, j]`.
    """
    counts = np.count_nonzero(whole_tumour, axis=(1, 2))
    length = min(TUMOUR_SLICES, len(counts))
    sums = np.convolve(counts, np.ones(length, dtype=counts.dtype), mode="valid")
    best = np.flatnonzero(sums == sums.max())
    # Among equally good windows the middle one, which has the tumour in its centre.
    start = int(best[len(best) // 2])
    return range(start, start + length)


def select_channels(slices: Tensor, channels: Sequence[Channel]) -> Tensor:
    """Network inputs `[slice, channel, i, j]` from z-scored modalities `[slice, modality, i, j]`."""
    columns = []
    for channel in channels:
        first, *rest = (slices[:, _MODALITY_INDEX[modality]] for modality in channel.modalities)
        columns.append(first - rest[0] if rest else first)
    return torch.stack(columns, dim=1)


def fit(array: npt.NDArray[Scalar], size: tuple[int, int]) -> npt.NDArray[Scalar]:
    """The array `[..., i, j]` padded with zeros at the end of its last two axes."""
    missing = [(0, size[axis] - array.shape[array.ndim - 2 + axis]) for axis in range(2)]
    return np.pad(array, [(0, 0)] * (array.ndim - 2) + missing)
