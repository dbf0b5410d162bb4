"""A run from the data folder to three trained networks."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from lightning_fabric import Fabric

from imaging.labels import LabelScheme
from imaging.regions import Region
from training.cache import CachedCase
from training.checkpoint import start_weights
from training.dataset import Dataset, open_dataset
from training.errors import TrainingError
from training.loop import Trainer
from training.plan import make_plan, record_plan
from training.profiles import Profile, ProfileName
from training.records import RunFolder
from training.split import Split, split_folds
from training.workers import open_fabric

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
        folds: Of a cross-validation; None for one run with a fifth of the patients for validation.
        parts: Which folds of the cross-validation are trained now, from 1; 0 is the run that learns from everyone.
            None for all.
    """

    data: Path
    folder: RunFolder
    cache: Path
    profile: ProfileName
    regions: Sequence[Region] = tuple(Region)
    seed: int = 1
    threads: int | None = None
    label_scheme: LabelScheme | None = None
    folds: int | None = None
    parts: Sequence[int] | None = None


def train(request: RunRequest) -> None:
    """Plan, record the plan, then train; goes on where an earlier call with the same plan stopped.

    A cross-validation is a run of every fold, in folders of their own, and a run that learns from everyone: that is the
    one to ship, and the folds' scores tell what to expect of it.

    Raises:
        ImagingError: The data can't be read.
        TrainingError: The data are too few, a part is not one of the folds, or a folder holds a run with another plan.
    """
    if request.threads is not None:
        torch.set_num_threads(request.threads)
    fabric = open_fabric()
    with fabric.rank_zero_first():  # the others find the cache filled
        dataset = open_dataset(request.data, request.cache, seed=request.seed, label_scheme=request.label_scheme)
    if request.folds is None:
        if request.parts is not None:
            raise TrainingError("parts", "must be named with the number of folds", "none")
        _train_run(request, dataset, request.folder, fabric)
        return
    folds = split_folds(dataset.strata, folds=request.folds, seed=request.seed)
    parts = range(request.folds + 1) if request.parts is None else request.parts
    if wrong := set(parts) - set(range(request.folds + 1)):
        raise TrainingError("parts", f"must lie between 0 and {request.folds}", ", ".join(map(str, sorted(wrong))))
    for part in parts:
        if part:
            _train_run(request, dataset.divided(folds[part - 1]), request.folder.fold(part), fabric)
        else:
            everyone = Split(tuple(sorted(dataset.strata)), ())
            _train_run(request, dataset.divided(everyone), request.folder, fabric, folds=folds)


def _train_run(
    request: RunRequest, dataset: Dataset, folder: RunFolder, fabric: Fabric, *, folds: Sequence[Split] = ()
) -> None:
    """One run in one folder."""
    split = dataset.split
    plan = make_plan(request.profile, split, dataset.fingerprint, seed=request.seed, folds=folds)
    with fabric.rank_zero_first():
        record_plan(plan, folder.plan)
    log.info("%s: %d patients train, %d validate", folder.path.name, len(split.train), len(split.validation))
    profiles = {region: plan.profiles[region] for region in request.regions}
    train_nets(folder, profiles, dataset.train, dataset.validation, fabric=fabric, seed=request.seed)


def train_nets(
    folder: RunFolder,
    profiles: Mapping[Region, Profile],
    train: Sequence[CachedCase],
    validation: Sequence[CachedCase],
    *,
    fabric: Fabric,
    seed: int,
) -> None:
    """Train networks one after the other; goes on where an earlier call stopped.

    Args:
        folder: Where they go.
        profiles: The settings of each network, in order.
        train: Who is learned from.
        validation: Who validates; may be nobody.
        fabric: Device and precision, and the company of other workers.
        seed: Of all chance.
    """
    for region, profile in profiles.items():
        trainer = Trainer(
            region,
            profile,
            fabric=fabric,
            folder=folder.net(region),
            start=start_weights(profile, folder),
            seed=seed,
        )
        trainer.run(train, validation)
