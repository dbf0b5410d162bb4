"""A run from the data folder to trained generators."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from lightning_fabric import Fabric

from imaging.labels import LabelScheme
from training.dataset import open_dataset
from training.plan import record_plan
from training.synthesis.data import prepare_pairs
from training.synthesis.loop import GeneratorTrainer
from training.synthesis.plan import GeneratorRunFolder, GeneratorRunPlan, make_generator_plan
from training.synthesis.profiles import GeneratorProfileName, Target
from training.synthesis.vgg import VggWeights, load_vgg

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class GeneratorRequest:
    """What the caller asks for.

    Args:
        data: Folder of BraTS cases.
        folder: Where the run goes.
        cache: Folder of the slice cache.
        profile: Named settings.
        vgg: Weights of the first judge.
        targets: Which generators, in order.
        seed: Of the split, the initial weights and all other chance.
        threads: CPU threads; None for torch's choice.
        label_scheme: How labels are read; None as far as names tell.
    """

    data: Path
    folder: GeneratorRunFolder
    cache: Path
    profile: GeneratorProfileName
    vgg: VggWeights
    targets: Sequence[Target] = tuple(Target)
    seed: int = 1
    threads: int | None = None
    label_scheme: LabelScheme | None = None


def train_generators(request: GeneratorRequest) -> GeneratorRunPlan:
    """Plan, record the plan, then train; goes on where an earlier call with the same plan stopped.

    Raises:
        ImagingError: The data can't be read.
        TrainingError: The data are too few, the weights of VGG-19 are not, or the folder holds another plan's run.
    """
    if request.threads is not None:
        torch.set_num_threads(request.threads)
    vgg = load_vgg(request.vgg, seed=request.seed)
    dataset = open_dataset(request.data, request.cache, seed=request.seed, label_scheme=request.label_scheme)
    plan = make_generator_plan(request.profile, dataset.split, dataset.fingerprint, vgg=request.vgg, seed=request.seed)
    record_plan(plan, request.folder.plan)
    log.info("%d patients train, %d validate", len(plan.split.train), len(plan.split.validation))
    train = prepare_pairs(dataset.train_found, request.cache)
    validation = prepare_pairs(dataset.validation_found, request.cache)
    fabric = Fabric(accelerator="auto", devices=1, precision="bf16-mixed")
    for target in request.targets:
        trainer = GeneratorTrainer(
            target,
            plan.profiles[target],
            vgg=vgg,
            fabric=fabric,
            folder=request.folder.generator(target),
            seed=request.seed,
        )
        trainer.run(train, validation)
    return plan
