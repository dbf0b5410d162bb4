"""A tiny generator with lively images, and the plan of a run that it may have come from."""

from __future__ import annotations

import torch

from export.generator_release import generator_plan
from imaging.brainmap.encode import MapChannels
from imaging.regions import Region
from training.plan import Fingerprint
from training.split import Split
from training.synthesis.generator import Generator
from training.synthesis.painter import TrainedGenerator, build_generator
from training.synthesis.plan import GeneratorRunPlan
from training.synthesis.profiles import GeneratorProfileName, Target, generator_profile
from training.synthesis.vgg import VggSource

TARGET = Target.FLAIR
"""Its generator does not see the bands inside the tumour, where it therefore has the whole range to draw in."""

RUN_PLAN = GeneratorRunPlan(
    profile_name=GeneratorProfileName.SMOKE,
    profiles={target: generator_profile(GeneratorProfileName.SMOKE, target) for target in Target},
    channels={target: target.channels for target in Target},
    vgg=VggSource.FILE,
    vgg_sha256="e" * 64,
    seed=3,
    split=Split(train=("P1", "P2"), validation=("P3",)),
    fingerprint=Fingerprint(
        cases=3,
        patients=3,
        cases_by_naming={"brats2018": 1, "brats2021": 2},
        cases_without={Region.WT: 0, Region.TC: 0, Region.ET: 1},
        volume_ml_quantiles={region: [1.0, 2.0, 3.0, 4.0, 5.0] for region in Region},
        smallest_volume_ml=dict.fromkeys(Region, 1.5),
        digest="d" * 64,
    ),
    versions={"python": "3.11", "torch": "2.13.0"},
)


def lively_generator(target: Target = TARGET, *, seed: int = 0) -> TrainedGenerator:
    """A random generator whose layers all count."""
    torch.manual_seed(seed)
    net: Generator = build_generator(RUN_PLAN, target).eval()
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if "norm" in name:
                parameter.uniform_(0.5, 1.5)
        net.head.weight.mul_(4.0)
    channels: MapChannels = RUN_PLAN.channels[target]
    return TrainedGenerator(net, target, channels, epoch=2)


GENERATOR_PLAN = generator_plan(lively_generator())
