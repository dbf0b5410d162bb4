"""A run from the data folder to three trained networks."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from lightning_fabric import Fabric

from imaging.brats import find_cases
from imaging.labels import LabelScheme
from imaging.regions import Region
from training.cache import CachedCase, cache_cases, cache_key
from training.loop import Trainer
from training.plan import RunPlan, fingerprint, make_plan, record_plan
from training.profiles import ProfileName
from training.records import RunFolder
from training.split import split_patients

VALIDATION_FRACTION = 0.2

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunRequest:
    """What the caller asks for.

    Args:
        data: Folder of BraTS cases.
        folder: Where the run goes.
        cache: Folder of the slice cache.
        profile: Named settings.
        regions: Which networks, in order.
        seed: Of the split, the initial weights and all other chance.
        threads: CPU threads; None for torch's choice.
        label_scheme: How labels are read; None as far as names tell.
    """

    data: Path
    folder: RunFolder
    cache: Path
    profile: ProfileName
    regions: Sequence[Region] = tuple(Region)
    seed: int = 1
    threads: int | None = None
    label_scheme: LabelScheme | None = None


def train(request: RunRequest) -> RunPlan:
    """Plan, record the plan, then train; goes on where an earlier call with the same plan stopped.

    Raises:
        ImagingError: The data can't be read.
        TrainingError: The data are too few, or the folder holds a run with another plan.
    """
    if request.threads is not None:
        torch.set_num_threads(request.threads)
    found = [case for case in find_cases(request.data, label_scheme=request.label_scheme) if case.reference]
    cases = cache_cases(found, request.cache)
    namings = {case.case_id: case.naming.value for case in found}
    strata = {
        case.patient_id: f"{namings[case.case_id]}, {'with' if case.voxels[Region.ET] else 'without'} ET"
        for case in cases
    }
    split = split_patients(strata, fraction=VALIDATION_FRACTION, seed=request.seed)
    digest = hashlib.sha256("".join(cache_key(case) for case in found).encode()).hexdigest()
    data = fingerprint(cases, namings=namings, train=split.train, digest=digest)
    plan = make_plan(request.profile, split, data, seed=request.seed)
    record_plan(plan, request.folder.plan)
    log.info("%d patients train, %d validate", len(split.train), len(split.validation))
    fabric = Fabric(accelerator="auto", devices=1, precision="bf16-mixed")
    sides = _sides(cases, plan)
    for region in request.regions:
        trainer = Trainer(
            region,
            plan.profiles[region],
            fabric=fabric,
            folder=request.folder.net(region),
            start=_start(region, plan, request.folder),
            seed=request.seed,
        )
        trainer.run(*sides)
    return plan


def _sides(cases: Sequence[CachedCase], plan: RunPlan) -> tuple[list[CachedCase], list[CachedCase]]:
    return (
        [case for case in cases if case.patient_id in plan.split.train],
        [case for case in cases if case.patient_id in plan.split.validation],
    )


def _start(region: Region, plan: RunPlan, folder: RunFolder) -> dict[str, torch.Tensor] | None:
    """The best weights of the network that the profile starts this region from, if it does."""
    source = plan.profiles[region].start_from
    if source is None:
        return None
    content = torch.load(folder.net(source).best, map_location="cpu", weights_only=True)
    weights: dict[str, torch.Tensor] = content["net"]
    return weights
