"""Trains and scores the U-Nets of every arm of Table Three, where that was not done yet."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from imaging.brats import BratsCase
from imaging.evaluation import Scores, evaluate
from imaging.regions import Region
from training.cache import CachedCase
from training.checkpoint import TrainedModel, load_net, model_plan
from training.dataset import Dataset
from training.experiments.arms import ArmName
from training.experiments.plan import ExperimentFolder, ExperimentPlan
from training.files import write_text_atomically
from training.predictor import TorchPredictor
from training.runs import train_nets
from training.workers import open_fabric

log = logging.getLogger(__name__)


def train_arms(
    plan: ExperimentPlan,
    folder: ExperimentFolder,
    dataset: Dataset,
    synthetic: Sequence[CachedCase],
    *,
    seeds: Sequence[int],
) -> None:
    """Train and score every arm with its seeds; what is finished is not done again.

    Profiles with a number of steps show all arms as many batches, so that more data does not mean more training.

    Args:
        plan: The decisions.
        folder: Where weights and scores go.
        dataset: The real patients.
        synthetic: The synthetic ones, in the order that the arms number them.
        seeds: Which of the plan's seeds: separate processes may share the work by them.

    Raises:
        ImagingError: A patient can't be segmented.
    """
    for seed in seeds:
        for arm in plan.arms:
            if seed not in plan.seeds_of(arm.name) or folder.scores(arm.name, seed).exists():
                continue
            cases = [*(dataset.train if arm.real else ()), *(synthetic[number] for number in arm.synthetic)]
            log.info("arm '%s', seed %d: %d patients", arm.name, seed, len(cases))
            train_nets(
                folder.arm(arm.name, seed),
                plan.unet_profiles,
                cases,
                dataset.validation,
                fabric=open_fabric(),
                seed=seed,
            )
            scores = score_arm(plan, folder, arm.name, seed, dataset.validation_found)
            write_text_atomically(folder.scores(arm.name, seed), scores.to_json())


def score_arm(
    plan: ExperimentPlan, folder: ExperimentFolder, arm: ArmName, seed: int, cases: Sequence[BratsCase]
) -> Scores:
    """Scores of an arm's U-Nets by the whole pipeline."""
    models = arm_models(plan, folder, arm, seed)
    return evaluate(
        cases, TorchPredictor(models), {region: model.plan for region, model in models.items()}, engine="torch"
    )


def arm_models(plan: ExperimentPlan, folder: ExperimentFolder, arm: ArmName, seed: int) -> dict[Region, TrainedModel]:
    """The trained U-Nets of an arm."""
    models = {}
    for region in Region:
        profile = plan.unet_profiles[region]
        net, epoch = load_net(folder.arm(arm, seed).net(region), profile, region)
        provenance = {"arm": arm.value, "seed": seed, "epoch": epoch}
        models[region] = TrainedModel(net, model_plan(profile, plan.fingerprint, region), provenance)
    return models
