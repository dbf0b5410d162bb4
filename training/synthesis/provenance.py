"""Where a generator comes from: what its run decided, and what its training came to."""

from __future__ import annotations

import json
from typing import Any

from training.errors import TrainingError
from training.synthesis.painter import TrainedGenerator
from training.synthesis.plan import GeneratorRunFolder, GeneratorRunPlan


def generator_provenance(
    run: GeneratorRunFolder, plan: GeneratorRunPlan, generator: TrainedGenerator
) -> dict[str, Any]:
    """Data, split, settings, versions and the epoch after which the weights were kept; JSON.

    Raises:
        TrainingError: The run has no record of that epoch.
    """
    target = generator.target
    try:
        history = json.loads(run.generator(target).history.read_text(encoding="utf-8"))[: generator.epoch]
    except (OSError, ValueError) as error:
        raise TrainingError("history", "must be a readable record of epochs", type(error).__name__) from None
    if len(history) != generator.epoch or not history:
        raise TrainingError("history", f"must tell of {generator.epoch} epochs or more", f"{len(history)}")
    recorded = json.loads(plan.model_dump_json())
    shared = ("profile_name", "seed", "split", "fingerprint", "versions", "vgg", "vgg_sha256")
    return {
        "target": target.value,
        **{name: recorded[name] for name in shared},
        "profile": recorded["profiles"][target.value],
        "channels": recorded["channels"][target.value],
        "kept": history[-1],
        "epochs_trained": generator.epoch,
        "training_seconds": round(sum(record["seconds"] for record in history)),
    }
