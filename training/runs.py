"""A run from the data folder to three trained networks."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from lightning_fabric import Fabric

from imaging.labels import LabelScheme
from imaging.regions import Region
from training.checkpoint import start_weights
from training.dataset import open_dataset
from training.loop import Trainer
from training.plan import RunPlan, make_plan, record_plan
from training.profiles import ProfileName
from training.records import RunFolder

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
    dataset = open_dataset(request.data, request.cache, seed=request.seed, label_scheme=request.label_scheme)
    split = dataset.split
    plan = make_plan(request.profile, split, dataset.fingerprint, seed=request.seed)
    record_plan(plan, request.folder.plan)
    log.info("%d patients train, %d validate", len(split.train), len(split.validation))
    fabric = Fabric(accelerator="auto", devices=1, precision="bf16-mixed")
    for region in request.regions:
        trainer = Trainer(
            region,
            plan.profiles[region],
            fabric=fabric,
            folder=request.folder.net(region),
            start=start_weights(plan.profiles[region], request.folder),
            seed=request.seed,
        )
        trainer.run(dataset.train, dataset.validation)
    return plan
