"""A run of generators made again from a served model, so that experiments can go on with what is shipped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import numpy_helper
from pydantic import TypeAdapter, ValidationError

from export.errors import RecoveryError
from export.generator_graph import INNER
from export.half import STORED_AS_HALF
from export.repository import GRAPH_FILE, PROVENANCE_FILE
from training.files import save_atomically, write_text_atomically
from training.plan import record_plan
from training.synthesis.painter import build_generator
from training.synthesis.plan import GeneratorRunFolder, GeneratorRunPlan
from training.synthesis.profiles import GeneratorProfile, GeneratorProfileName, Target, generator_profile

_PROFILE = TypeAdapter(GeneratorProfile)


def recover_generator(model: Path, run: GeneratorRunFolder) -> Target:
    """Write plan and weights of a generator as its training left them, kernels rounded to float16 as in the graph.

    Args:
        model: Folder of the generator in a model repository.
        run: Where they go; may hold a run with the same plan.

    Returns:
        Which generator it is.

    Raises:
        RecoveryError: The folder holds no generator with its provenance, or one that this version would build
            otherwise. Nothing was written.
        TrainingError: The run has another plan.
    """
    provenance = _read_provenance(model / PROVENANCE_FILE)
    try:
        target = Target(provenance["target"])
        plan = _plan(provenance)
        profile = _PROFILE.validate_python(provenance["profile"])
        epochs = int(provenance["epochs_trained"])
    except (KeyError, TypeError, ValueError) as error:
        raise RecoveryError(PROVENANCE_FILE, "must tell how a generator was trained", _fault(error)) from None
    if profile != plan.profiles[target]:
        raise RecoveryError("profile", f"must be what '{plan.profile_name.value}' stands for now", "other settings")
    net = build_generator(plan, target)
    stored = _read_constants(model / GRAPH_FILE)
    try:
        net.load_state_dict({name: stored[name] for name in net.state_dict() if name in stored})
    except RuntimeError as error:  # torch's word for unlike names and shapes
        raise RecoveryError(GRAPH_FILE, "must hold the network's weights", str(error).splitlines()[0]) from None
    record_plan(plan, run.plan)
    folder = run.generator(target)
    folder.path.mkdir(parents=True, exist_ok=True)
    save_atomically(folder.weights, {"net": net.state_dict(), "epoch": epochs})
    write_text_atomically(folder.shipped, json.dumps(provenance, indent=1, sort_keys=True) + "\n")
    return target


def _read_provenance(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecoveryError("model", f"must hold a readable {PROVENANCE_FILE}", type(error).__name__) from None
    if not isinstance(content, dict):
        raise RecoveryError(PROVENANCE_FILE, "must be an object", type(content).__name__)
    return content


def _plan(provenance: dict[str, Any]) -> GeneratorRunPlan:
    """The plan of the run that it came from: of one generator's provenance, and settings of the others by name."""
    name = GeneratorProfileName(provenance["profile_name"])
    shared = ("seed", "split", "fingerprint", "versions", "vgg", "vgg_sha256")
    return GeneratorRunPlan.model_validate_json(
        json.dumps(
            {
                "profile_name": name.value,
                "profiles": {
                    target.value: _PROFILE.dump_python(generator_profile(name, target), mode="json")
                    for target in Target
                },
                "channels": {
                    target.value: {
                        "contrasts": target.channels.contrasts,
                        "bands_in_lesion": target.channels.bands_in_lesion,
                    }
                    for target in Target
                },
                **{field: provenance[field] for field in shared},
            }
        )
    )


def _read_constants(path: Path) -> dict[str, torch.Tensor]:
    """All constants of a graph in float32, by the names that they have in torch."""
    try:
        graph = onnx.load(path).graph
    except (OSError, DecodeError) as error:
        raise RecoveryError("model", f"must hold a readable {GRAPH_FILE}", type(error).__name__) from None
    return {
        one.name.removeprefix(INNER).removesuffix(STORED_AS_HALF): torch.from_numpy(
            numpy_helper.to_array(one).copy()
        ).float()
        for one in graph.initializer
    }


def _fault(error: Exception) -> str:
    """What is wrong, by name: the text of such errors holds whole contents."""
    if isinstance(error, ValidationError):
        return ".".join(str(part) for part in error.errors(include_url=False)[0]["loc"])
    return str(error) if isinstance(error, KeyError) else type(error).__name__
