"""Named sizes of the paper's experiments."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from training.profiles import ProfileName
from training.synthesis.profiles import GeneratorProfileName


class ExperimentName(StrEnum):
    """A profile, as the command line names it."""

    SMOKE = "smoke"
    SMALL = "small"
    PAPER = "paper"

    @property
    def settings(self) -> ExperimentProfile:
        """What it stands for."""
        return _PROFILES[self]


@dataclass(frozen=True)
class ExperimentProfile:
    """How large the experiments are.

    Args:
        generator: Settings of the Augmentation Network.
        unet: Settings of the U-Nets of Table Three.
        seeds: Each arm is trained once with each of them.
        study_real: Real slices of each contrast in the reader study (paper: 9).
        study_synthetic: Synthetic ones (paper: 10).
    """

    generator: GeneratorProfileName
    unet: ProfileName
    seeds: tuple[int, ...]
    study_real: int = 9
    study_synthetic: int = 10


_PROFILES = {
    ExperimentName.SMOKE: ExperimentProfile(
        GeneratorProfileName.SMOKE, ProfileName.SMOKE, seeds=(1,), study_real=2, study_synthetic=2
    ),
    ExperimentName.SMALL: ExperimentProfile(GeneratorProfileName.SMALL, ProfileName.SMALL, seeds=(1, 2, 3)),
    ExperimentName.PAPER: ExperimentProfile(GeneratorProfileName.PAPER, ProfileName.PAPER, seeds=(1, 2, 3)),
}
