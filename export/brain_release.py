"""A released network of brain extraction becomes a served model: graph, parity, golden answer, card, repository."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import onnx
import torch

from export.brain_card import BrainFacts, render_brain_card
from export.brain_cases import head_cases
from export.brain_graph import export_brain
from export.brain_parity import BrainBounds, BrainParityReport, compare_brain
from export.brain_source import PACKAGE, VERSION, WEIGHTS, BrainSource
from export.config import render_brain_config
from export.graph import serialise
from export.repository import CARD_FILE, CONFIG_FILE, GRAPH_FILE, PARITY_FILE, PROVENANCE_FILE, write_model
from export.session import open_graph, run_session
from imaging.brain.golden import golden_head, golden_part
from imaging.brain.plan import BrainStep, BrainStepPlan
from imaging.pipeline.golden import GoldenAnswer
from imaging.volume import Volume

LICENSE_FILE = "LICENSE"
"""The authors' licence, which asks to go with every copy."""
PLANS: Mapping[BrainStep, BrainStepPlan] = MappingProxyType(
    {
        BrainStep.BOX: BrainStepPlan(BrainStep.BOX, side=128, smallest_ml=200.0),
        BrainStep.MASK: BrainStepPlan(BrainStep.MASK, side=256, smallest_ml=200.0),
    }
)
"""The authors' sides and threshold. Half of the smallest adult brain, and less than what a scan of part of one shows,
is taken for none."""


@dataclass(frozen=True, eq=False)
class ParityHead:
    """The head by which torch and ONNX Runtime are compared.

    Args:
        head: With its skull.
        source: What it is, for the reader of the report; no patient's name.
    """

    head: Volume
    source: str


@dataclass(frozen=True)
class ReleasedBrain:
    """A network that is now in the repository.

    Args:
        folder: Where.
        parity: What the parity gate found.
    """

    folder: Path
    parity: BrainParityReport


def brain_name(step: BrainStep) -> str:
    """The name of a step's model in the repository, e.g. `brain_mask`."""
    return f"brain_{step.value}"


def release_brain(
    source: BrainSource,
    step: BrainStep,
    *,
    shown: ParityHead,
    models: Path,
    plan: BrainStepPlan | None = None,
    bounds: BrainBounds | None = None,
) -> ReleasedBrain:
    """Export a network, prove that it still finds the same brain, and put it in the model repository.

    Args:
        source: The network as its authors released it.
        step: Which it is.
        shown: By which both forms are compared.
        models: The repository.
        plan: How it is used, by default as its authors do.
        bounds: How far the served form may be off.

    Raises:
        ExportError: The graph can't be made, differs beyond its bounds, or does not fit. Nothing was written.
        GoldenError: It answers the golden head so evenly that a fault could not be told from an answer.
    """
    plan, name = plan or PLANS[step], brain_name(step)
    graph = serialise(export_brain(source.net))
    cases = head_cases(shown.head, plan)
    parity = compare_brain(
        source.released, graph, cases=cases, threshold=plan.threshold, source=shown.source, bounds=bounds
    )
    parity.require()
    golden = golden_head()[np.newaxis]
    answer = run_session(open_graph(graph), golden, shape=golden.shape, dtype=np.uint8)
    recorded = GoldenAnswer.record(golden_part(answer[0]))
    provenance = {
        "package": PACKAGE,
        "package_version": VERSION,
        "weights": WEIGHTS[step].member,
        "weights_sha256": WEIGHTS[step].sha256,
        "versions": {"onnx": onnx.__version__, "torch": torch.__version__},
    }
    folder = write_model(
        models,
        name,
        files={
            GRAPH_FILE: graph,
            CONFIG_FILE: render_brain_config(name, plan, graph=graph, golden=recorded).encode(),
            PROVENANCE_FILE: (json.dumps(provenance, indent=1, sort_keys=True) + "\n").encode(),
            PARITY_FILE: parity.to_json().encode(),
            CARD_FILE: render_brain_card(BrainFacts(name, plan, graph, parity)).encode(),
            LICENSE_FILE: source.licence,
        },
    )
    return ReleasedBrain(folder, parity)
