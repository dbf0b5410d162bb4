"""What a run of generators decides before it starts, recorded beside its weights."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from imaging.brainmap.encode import MapChannels
from training.plan import Fingerprint, Recorded, versions
from training.split import Split
from training.synthesis.profiles import GeneratorProfile, GeneratorProfileName, Target, generator_profile
from training.synthesis.vgg import VggSource, VggWeights


class GeneratorRunPlan(Recorded):
    """The decisions of a run.

    Args:
        profile_name: Which named settings.
        profiles: Those settings, of each generator.
        channels: What each generator sees of a map.
        vgg: Where the first judge's features come from.
        vgg_sha256: Digest of their file; None for random ones.
        seed: Of the split, the first weights and all other chance.
        split: By patient: the U-Nets' own, for the same data and seed.
        fingerprint: What the data are.
        versions: What it was made with.
    """

    profile_name: GeneratorProfileName
    profiles: dict[Target, GeneratorProfile]
    channels: dict[Target, MapChannels]
    vgg: VggSource
    vgg_sha256: str | None
    seed: int
    split: Split
    fingerprint: Fingerprint
    versions: dict[str, str]


def make_generator_plan(
    profile: GeneratorProfileName, split: Split, data: Fingerprint, *, vgg: VggWeights, seed: int
) -> GeneratorRunPlan:
    """Decide all that a run of generators decides.

    Raises:
        OSError: The file of VGG-19's weights can't be read.
    """
    return GeneratorRunPlan(
        profile_name=profile,
        profiles={target: generator_profile(profile, target) for target in Target},
        channels={target: target.channels for target in Target},
        vgg=vgg.source,
        vgg_sha256=None if vgg.path is None else _sha256(vgg.path),
        seed=seed,
        split=split,
        fingerprint=data,
        versions=versions(),
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class GeneratorFolder:
    """Files of one generator's training."""

    path: Path

    @property
    def weights(self) -> Path:
        """The averaged weights after the last finished epoch."""
        return self.path / "generator.pt"

    @property
    def state(self) -> Path:
        """All that is needed to go on after the last finished epoch."""
        return self.path / "state.pt"

    @property
    def history(self) -> Path:
        """One record per epoch, each adaptation of the loss's weights among them."""
        return self.path / "history.json"

    @property
    def curves(self) -> Path:
        """The history as a picture."""
        return self.path / "curves.png"

    @property
    def shipped(self) -> Path:
        """Where the weights were recovered from a served model: that model's provenance. Such a one is not trained."""
        return self.path / "shipped.json"

    @property
    def samples(self) -> Path:
        """Real slices of a validation patient above the generator's."""
        return self.path / "samples.png"


@dataclass(frozen=True)
class GeneratorRunFolder:
    """A run of generators: a plan and a folder for each."""

    path: Path

    @property
    def plan(self) -> Path:
        """What was decided before the run started."""
        return self.path / "plan.json"

    def generator(self, target: Target) -> GeneratorFolder:
        """Files of one generator."""
        return GeneratorFolder(self.path / f"generator_{target.value}")
