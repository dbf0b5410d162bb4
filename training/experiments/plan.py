"""What the experiments decide before they start, and where their files lie."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from imaging.regions import Region
from training.experiments.arms import ONCE, Arm, ArmName, plan_arms
from training.experiments.profiles import ExperimentName
from training.plan import Fingerprint, Recorded, versions
from training.profiles import Profile, ProfileName, profile_for
from training.records import RunFolder
from training.split import Split
from training.synthesis.profiles import Target

COHORT_SEED = 1
"""Of the edits, and of how synthetic cases are dealt to subsets."""


class ExperimentPlan(Recorded):
    """The decisions of Table Three.

    Args:
        name: Which size.
        unet_profile: Settings of the U-Nets, by name.
        unet_profiles: The settings themselves.
        arms: The arms, with the synthetic cases of each.
        seeds: Of the U-Nets; see `seeds_of`.
        target: Which generator drew the synthetic cases.
        generator_sha256: Digest of its weights.
        cohort_seed: Of the edits and the subsets.
        split: By patient.
        fingerprint: What the data are.
        versions: What it was made with.
    """

    name: ExperimentName
    unet_profile: ProfileName
    unet_profiles: dict[Region, Profile]
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    target: Target
    generator_sha256: str
    cohort_seed: int
    split: Split
    fingerprint: Fingerprint
    versions: dict[str, str]

    def seeds_of(self, arm: ArmName) -> tuple[int, ...]:
        """The seeds that an arm is trained with."""
        return self.seeds[:1] if arm in ONCE else self.seeds


def make_experiment_plan(
    name: ExperimentName, split: Split, data: Fingerprint, *, generator: Path, synthetic: int
) -> ExperimentPlan:
    """Decide all that Table Three decides.

    Args:
        name: Which size.
        split: By patient.
        data: What the data are.
        generator: The joint generator's weights.
        synthetic: How many synthetic cases there will be.

    Raises:
        TrainingError: There are too few synthetic cases for quarters.
        OSError: The weights can't be read.
    """
    settings = name.settings
    return ExperimentPlan(
        name=name,
        unet_profile=settings.unet,
        unet_profiles={region: profile_for(settings.unet, region) for region in Region},
        arms=plan_arms(synthetic, seed=COHORT_SEED),
        seeds=settings.seeds,
        target=Target.JOINT,
        generator_sha256=hashlib.sha256(generator.read_bytes()).hexdigest(),
        cohort_seed=COHORT_SEED,
        split=split,
        fingerprint=data,
        versions=versions(),
    )


@dataclass(frozen=True)
class ExperimentFolder:
    """Where everything of a run of experiments lies."""

    path: Path

    @property
    def plan(self) -> Path:
        """What was decided before Table Three started."""
        return self.path / "plan.json"

    @property
    def generators(self) -> Path:
        """The run of generators."""
        return self.path / "generators"

    @property
    def cohort(self) -> Path:
        """The synthetic patients."""
        return self.path / "cohort"

    @property
    def study(self) -> Path:
        """The reader study."""
        return self.path / "reader_study"

    def figure(self, name: str) -> Path:
        """A picture."""
        return self.path / "figures" / f"{name}.png"

    @property
    def findings(self) -> Path:
        """How lesions fared that were moved."""
        return self.path / "moved.json"

    @property
    def findings_table(self) -> Path:
        """The same as a table."""
        return self.path / "moved.md"

    def quality(self, variant: str) -> Path:
        """Table One's figures of a variant."""
        return self.path / f"quality-{variant}.json"

    @property
    def quality_text(self) -> Path:
        """Table One as Markdown."""
        return self.path / "quality.md"

    @property
    def replicas(self) -> Path:
        """The memorisation check."""
        return self.path / "replicas.json"

    @property
    def replicas_text(self) -> Path:
        """The same in words and a table."""
        return self.path / "replicas.md"

    @property
    def results(self) -> Path:
        """All tables and figures, as a page."""
        return self.path / "results.md"

    def arm(self, name: ArmName, seed: int) -> RunFolder:
        """The U-Nets of an arm."""
        return RunFolder(self.path / "arms" / name.folder / f"seed-{seed}")

    def scores(self, name: ArmName, seed: int) -> Path:
        """How the U-Nets of an arm scored."""
        return self.arm(name, seed).path / "scores.json"
