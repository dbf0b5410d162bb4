"""Named settings of the Augmentation Network. A run records the ones that it used."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from imaging.brainmap.encode import MapChannels
from imaging.modality import Modality


class Target(StrEnum):
    """Which generator: one of the paper's, which draw a contrast each, or the one that draws all four at once."""

    JOINT = "joint"
    T1 = "t1"
    T1CE = "t1ce"
    T2 = "t2"
    FLAIR = "flair"

    @property
    def draws(self) -> tuple[Modality, ...]:
        """The contrasts that it draws."""
        return tuple(Modality) if self is Target.JOINT else (Modality(self.value),)

    @property
    def channels(self) -> MapChannels:
        """What it sees of a map.

        A generator of one contrast sees what the paper's did: the bands of its own contrast in normal tissue, and the
        tumour's parts. The joint one sees the bands of all contrasts, and also those inside the tumour, without which
        all necrosis would look the same.
        """
        return MapChannels(self.draws, bands_in_lesion=self is Target.JOINT)


@dataclass(frozen=True)
class GeneratorProfile:
    """Settings of one generator's training.

    Args:
        widths: Features of the components C0 to Cn.
        discriminator_width: Features of the patch discriminator's first layer.
        frame: Size of the slices that are shown, along I and J; multiples of 2 ** n.
        epochs: Passes.
        steps_per_epoch: Batches of an epoch.
        batch_size: Slices of a batch.
        learning_rate: Of the generator; falls linearly to zero over the last half.
        discriminator_learning_rate: Of the patch discriminator.
        perceptual_patch: Side of the random square in which VGG-19 compares; None for the whole slice.
        perceptual_contrasts: How many contrasts of a slice it compares at each step, drawn by chance.
        image_share: Of the per-pixel term in the balanced loss.
        perceptual_share: Of each perceptual term.
        adversarial_share: Of the patch discriminator's.
        adversarial_from: The epoch from which the patch discriminator takes part.
        adapt_every: Epochs between two adaptations of the loss's weights (paper: 10).
        average_decay: Of the moving average of weights that is kept.
    """

    widths: tuple[int, ...]
    discriminator_width: int
    frame: tuple[int, int]
    epochs: int
    steps_per_epoch: int
    batch_size: int
    learning_rate: float
    discriminator_learning_rate: float
    perceptual_patch: int | None
    perceptual_contrasts: int
    image_share: float = 1.0
    perceptual_share: float = 1.0
    adversarial_share: float = 0.5
    adversarial_from: int = 0
    adapt_every: int = 10
    average_decay: float = 0.999


class GeneratorProfileName(StrEnum):
    """A profile, as the command line names it."""

    PAPER = "paper"
    SMALL = "small"
    SMOKE = "smoke"


def generator_profile(name: GeneratorProfileName, target: Target) -> GeneratorProfile:
    """The settings of a generator under a named profile."""
    contrasts = len(target.draws)
    if name is GeneratorProfileName.PAPER:
        return GeneratorProfile(
            widths=(512, 512, 512, 512, 256, 128, 64),
            discriminator_width=64,
            frame=(256, 256),
            epochs=100,
            steps_per_epoch=1312,
            batch_size=8,
            learning_rate=2e-4,
            discriminator_learning_rate=2e-4,
            perceptual_patch=None,
            perceptual_contrasts=contrasts,
        )
    if name is GeneratorProfileName.SMALL:
        # The four of a contrast each get a quarter of the epochs: together they cost about what the joint one costs.
        joint = target is Target.JOINT
        return GeneratorProfile(
            widths=(96, 96, 96, 96, 64, 32, 24),
            discriminator_width=32,
            frame=(192, 192),
            epochs=24 if joint else 6,
            steps_per_epoch=100,
            batch_size=8,
            learning_rate=1e-3,
            discriminator_learning_rate=4e-4,
            perceptual_patch=96,
            perceptual_contrasts=1,
            average_decay=0.998 if joint else 0.99,
            perceptual_share=0.4,
            adversarial_share=0.6,
            adversarial_from=1,
        )
    return GeneratorProfile(
        widths=(8, 8, 8, 8),
        discriminator_width=4,
        frame=(64, 64),
        epochs=2,
        steps_per_epoch=2,
        batch_size=2,
        learning_rate=1e-3,
        discriminator_learning_rate=1e-3,
        perceptual_patch=32,
        perceptual_contrasts=1,
        adapt_every=1,
    )
