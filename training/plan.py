"""What a run decides before it starts, recorded beside its weights: data, split, settings, versions."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict

from imaging.regions import Region
from training.cache import CachedCase
from training.errors import TrainingError
from training.files import write_text_atomically
from training.profiles import Profile, ProfileName, profile_for
from training.split import Split

Plan = TypeVar("Plan", bound="Recorded")

VOXEL_ML = 0.001
"""BraTS voxels are 1 mm wide."""


class Recorded(BaseModel):
    """What is written beside weights: never changed, nothing unknown in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Fingerprint(Recorded):
    """What the data are, without any image.

    Args:
        cases: Number of exams.
        patients: Number of patients.
        cases_by_naming: Exams per naming of BraTS.
        cases_without: Exams in which a region is empty.
        volume_ml_quantiles: 0, 25, 50, 75 and 100 % quantiles of the volumes of each region that are not empty.
        smallest_volume_ml: The smallest of those in the training patients alone.
        digest: Of the prepared data (names, sizes and times of all files).
    """

    cases: int
    patients: int
    cases_by_naming: dict[str, int]
    cases_without: dict[Region, int]
    volume_ml_quantiles: dict[Region, list[float]]
    smallest_volume_ml: dict[Region, float]
    digest: str


class RunPlan(Recorded):
    """The decisions of a run.

    Args:
        profile_name: Under which name the settings are known.
        profiles: The settings of each network.
        seed: Of all chance.
        split: Who trains, who validates.
        folds: The splits of the cross-validation whose scores stand for this run's, which learns from everyone.
        fingerprint: What the data are.
        versions: What it is made with.
    """

    profile_name: ProfileName
    profiles: dict[Region, Profile]
    seed: int
    split: Split
    folds: tuple[Split, ...] = ()
    fingerprint: Fingerprint
    versions: dict[str, str]


def fingerprint(
    cases: Sequence[CachedCase], *, namings: Mapping[str, str], train: Sequence[str], digest: str
) -> Fingerprint:
    """Describe the data.

    Args:
        cases: All of them.
        namings: BraTS naming per case id.
        train: Patient ids of the training side.
        digest: Of the prepared data.
    """
    volumes = {region: np.array([case.voxels[region] * VOXEL_ML for case in cases]) for region in Region}
    training = np.array([case.patient_id in set(train) for case in cases])
    names = list(namings.values())
    return Fingerprint(
        cases=len(cases),
        patients=len({case.patient_id for case in cases}),
        cases_by_naming={name: names.count(name) for name in sorted(set(names))},
        cases_without={region: int(np.count_nonzero(volume == 0)) for region, volume in volumes.items()},
        volume_ml_quantiles={
            region: [round(float(value), 3) for value in np.quantile(volume[volume > 0], (0, 0.25, 0.5, 0.75, 1))]
            for region, volume in volumes.items()
        },
        smallest_volume_ml={
            region: round(float(volume[training & (volume > 0)].min()), 3) for region, volume in volumes.items()
        },
        digest=digest,
    )


def make_plan(
    profile: ProfileName, split: Split, data: Fingerprint, *, seed: int, folds: Sequence[Split] = ()
) -> RunPlan:
    """Decide all that a run decides."""
    return RunPlan(
        profile_name=profile,
        profiles={region: profile_for(profile, region) for region in Region},
        seed=seed,
        split=split,
        folds=tuple(folds),
        fingerprint=data,
        versions=versions(),
    )


def versions() -> dict[str, str]:
    """What a run was made with."""
    packages = ("torch", "lightning-fabric", "numpy", "glioserve-stack")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}


def record_plan(plan: Recorded, path: Path) -> None:
    """Write a plan, or make sure that a run that goes on has the same one; its `versions` may differ.

    Raises:
        TrainingError: The folder holds a run of other data, split or settings.
    """
    if path.exists():
        recorded = read_plan(path, type(plan))
        changed = [
            name
            for name in type(plan).model_fields
            if name != "versions" and getattr(recorded, name) != getattr(plan, name)
        ]
        if changed:
            raise TrainingError("run", "must go on with the plan that it started with", f"another {', '.join(changed)}")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text_atomically(path, plan.model_dump_json(indent=1) + "\n")


def load_plan(path: Path) -> RunPlan:
    """The plan of a run of U-Nets.

    Raises:
        TrainingError: There is none, or it is not a plan.
    """
    return read_plan(path, RunPlan)


def read_plan(path: Path, kind: type[Plan]) -> Plan:
    """A recorded plan.

    Raises:
        TrainingError: There is none, or it is not one of this kind.
    """
    try:
        return kind.model_validate_json(path.read_text())
    except FileNotFoundError:
        raise TrainingError("run", f"must hold a {path.name}", "none") from None
    except ValueError as error:
        raise TrainingError(path.name, "must be a plan of this version", str(error).splitlines()[0]) from None
