"""What training hands on: a network, how its answers are read, and where it comes from."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import torch

from imaging.pipeline.plan import ModelPlan
from imaging.regions import Region
from training.errors import TrainingError
from training.plan import Fingerprint, load_plan
from training.profiles import CHANNELS, Profile
from training.records import NetFolder, RunFolder
from training.thresholds import load_calibration
from training.unet import UNet

MIN_COMPONENT_ML = {Region.WT: 1.0, Region.TC: 0.0, Region.ET: 0.0}
"""Specks of WT below this are dropped: they are mostly false, and each would widen the box for TC and ET."""


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A trained network of one region.

    Args:
        net: In evaluation mode, float32, on the CPU.
        plan: How it is fed and read.
        provenance: Data, split, settings, versions and the epoch that was kept; JSON.
    """

    net: UNet
    plan: ModelPlan
    provenance: dict[str, Any]


def load_trained(run: RunFolder, region: Region) -> TrainedModel:
    """The kept network of a region.

    Raises:
        TrainingError: The run has no plan or no weights of this region, or its calibration can't be read.
    """
    run_plan = load_plan(run.plan)
    folder = run.net(region)
    if not folder.kept.exists():
        raise TrainingError("run", f"must hold trained weights of {region.name}", "none")
    profile = run_plan.profiles[region]
    net, epoch = load_net(folder, profile, region)
    history = json.loads(folder.history.read_text())
    kept = next(record for record in history if record["epoch"] == epoch)
    provenance = {
        "region": region.value,
        "profile_name": run_plan.profile_name.value,
        **json.loads(run_plan.model_dump_json(include={"seed", "split", "folds", "fingerprint", "versions"})),
        "profile": json.loads(run_plan.model_dump_json(include={"profiles"}))["profiles"][region.value],
        "kept": kept,
        "epochs_trained": len(history),
        "training_seconds": round(sum(record["seconds"] for record in history)),
    }
    plan = model_plan(profile, run_plan.fingerprint, region)
    if (calibration := load_calibration(run)) is not None:
        plan = replace(plan, threshold=calibration.chosen[region])
        provenance["calibration"] = {
            "patients": calibration.patients,
            "dsc_by_threshold": dict(
                zip(map(str, calibration.thresholds), calibration.dsc[region], strict=True),
            ),
        }
    return TrainedModel(net, plan, provenance)


def load_net(folder: NetFolder, profile: Profile, region: Region) -> tuple[UNet, int]:
    """The kept network of a region, in evaluation mode on the CPU, and the epoch that it was kept at."""
    net = UNet(len(CHANNELS[region]), profile.base_width)
    content = torch.load(folder.kept, map_location="cpu", weights_only=True)
    net.load_state_dict(content["net"])
    net.eval()
    return net, content["epoch"]


def start_weights(profile: Profile, folder: RunFolder) -> dict[str, torch.Tensor] | None:
    """The kept weights of the network that a profile starts from, if it does."""
    if profile.start_from is None:
        return None
    content = torch.load(folder.net(profile.start_from).kept, map_location="cpu", weights_only=True)
    weights: dict[str, torch.Tensor] = content["net"]
    return weights


def model_plan(profile: Profile, data: Fingerprint, region: Region) -> ModelPlan:
    """How a region's network is read, decided from settings and training labels alone.

    Some patients have no ET, and a few stray voxels would turn "absent" into a wrong finding: less than half of the
    smallest ET in the training patients is taken for absent. WT and TC are never absent in the data, so no such
    bound can be learned for them.
    """
    return ModelPlan(
        region=region,
        channels=CHANNELS[region],
        mirror=profile.mirror,
        min_component_ml=MIN_COMPONENT_ML[region],
        min_region_ml=data.smallest_volume_ml[region] / 2 if region is Region.ET else 0.0,
    )
