"""Named training settings. A run records the one that it used."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from imaging.modality import Channel
from imaging.regions import Region
from training.losses import LossName

CHANNELS: dict[Region, tuple[Channel, ...]] = {
    Region.WT: (Channel.T1, Channel.T2, Channel.FLAIR),
    Region.TC: (Channel.T1, Channel.T2, Channel.FLAIR, Channel.T1CE_MINUS_T1),
    Region.ET: (Channel.T1, Channel.T2, Channel.FLAIR, Channel.T1CE_MINUS_T1),
}
"""Inputs of each network (paper, section 2.4)."""


class Sampling(StrEnum):
    """Which slices an epoch shows."""

    TUMOUR_64 = "tumour_64"
    """Once each: the 64 consecutive slices of every patient that cover the tumour best (paper, section 2.2)."""
    BALANCED = "balanced"
    """At random: patients equally often; three slices of four with the region in them, one from anywhere."""


class Keep(StrEnum):
    """Which epoch's weights a run keeps."""

    BEST = "best"
    """Those of the lowest validation loss (paper, section 2.4); the last epoch's where nobody validates."""
    LAST = "last"
    """The last epoch's: nothing is chosen on validation patients."""


@dataclass(frozen=True)
class Profile:
    """Settings of one network's training.

    Args:
        base_width: Features of the U-Net at full resolution.
        epochs: Passes.
        steps_per_epoch: Batches of an epoch; None for all slices once.
        batch_size: Slices of a batch.
        patch: Size of training patches along I and J, multiples of 16; None for the whole brain box.
        learning_rate: Peak of the schedule: a short linear warm-up, then a cosine to zero.
        weight_decay: Of AdamW.
        loss: Which loss.
        sampling: Which slices.
        strong_augmentation: Rotation, scale, elastic and intensity changes beside the left/right flips.
        average_decay: Of the exponential moving average of weights that is validated and kept; 0 for none.
        validate_every: Epochs between validations.
        keep: Which epoch's weights are kept.
        start_from: The region whose kept weights are the initial ones; None for random ones.
        mirror: Whether the exported plan averages over left/right mirror images.
    """

    base_width: int
    epochs: int
    batch_size: int
    learning_rate: float
    steps_per_epoch: int | None = None
    patch: tuple[int, int] | None = None
    weight_decay: float = 0.0
    loss: LossName = LossName.SOFT_DICE
    sampling: Sampling = Sampling.TUMOUR_64
    strong_augmentation: bool = False
    average_decay: float = 0.0
    validate_every: int = 1
    keep: Keep = Keep.BEST
    start_from: Region | None = None
    mirror: bool = False


class ProfileName(StrEnum):
    """A profile, as the command line names it."""

    PAPER = "paper"
    BEST = "best"
    SMALL = "small"
    """The paper's loss and flips with a quarter of its width and a few hundred steps: for many arms on few cores."""
    SMOKE = "smoke"


def profile_for(name: ProfileName, region: Region) -> Profile:
    """The settings of a region's network under a named profile."""
    if name is ProfileName.PAPER:
        return Profile(base_width=32, epochs=100, batch_size=16, learning_rate=1e-3)
    if name is ProfileName.SMOKE:
        return Profile(base_width=4, epochs=2, steps_per_epoch=4, batch_size=4, learning_rate=3e-3, patch=(96, 96))
    if name is ProfileName.SMALL:
        return Profile(
            base_width=8,
            epochs=8,
            steps_per_epoch=40,
            batch_size=16,
            patch=(128, 160) if region is Region.WT else (112, 112),
            learning_rate=3e-3,
            sampling=Sampling.BALANCED,
            average_decay=0.98,
            validate_every=4,
        )
    # TC and ET are only ever asked about inside WT's box, so their patches are smaller and lie about the tumour.
    # ET lies inside TC and eats the same channels: what finds the one is a good start for the other.
    return Profile(
        base_width=16,
        epochs={Region.WT: 30, Region.TC: 30, Region.ET: 20}[region],
        steps_per_epoch=50,
        batch_size=16,
        patch=(128, 160) if region is Region.WT else (112, 112),
        learning_rate=2e-3,
        weight_decay=1e-2,
        loss=LossName.SOFT_DICE_AND_CROSS_ENTROPY,
        sampling=Sampling.BALANCED,
        strong_augmentation=True,
        average_decay=0.995,
        validate_every=10,
        keep=Keep.LAST,
        start_from=Region.TC if region is Region.ET else None,
        mirror=True,
    )
