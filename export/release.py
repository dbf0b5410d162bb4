"""A trained network becomes a served model: graph, parity, golden answer, configuration, card, repository."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from export.cases import parity_cases
from export.config import model_name, render_config
from export.graph import serialise
from export.model_card import CardFacts, render_card
from export.parity import ParityBounds, ParityReport, compare, run_graph
from export.repository import CARD_FILE, CONFIG_FILE, GRAPH_FILE, PARITY_FILE, PROVENANCE_FILE, write_model
from export.session import open_graph
from export.unet_graph import export_unet
from imaging.exam import Exam
from imaging.metrics.summary import CohortSummary
from imaging.pipeline.golden import GoldenAnswer, golden_slices
from imaging.regions import BoolVolume, Region
from training.checkpoint import TrainedModel
from training.plan import RunPlan


@dataclass(frozen=True, eq=False)
class ParityExam:
    """The exam by which torch and ONNX Runtime are compared.

    Args:
        exam: Skull-stripped, 1 mm.
        reference: Its true regions, `bool [i, j, k]`.
        source: What it is, for the reader of the report, e.g. `phantom 7`; no patient's name.
    """

    exam: Exam
    reference: Mapping[Region, BoolVolume]
    source: str


@dataclass(frozen=True)
class Released:
    """A model that is now in the repository.

    Args:
        folder: Where.
        parity: What the parity gate found.
    """

    folder: Path
    parity: ParityReport


def release(
    model: TrainedModel,
    run: RunPlan,
    *,
    exam: ParityExam,
    models: Path,
    scores: CohortSummary | None = None,
    bounds: ParityBounds | None = None,
) -> Released:
    """Export a network, prove that it still is the same, and put it in the model repository.

    Args:
        model: The network with its plan.
        run: What its training run decided before it started; for the card.
        exam: By which both forms are compared.
        models: The repository.
        scores: The evaluation of patients that it, or its folds, did not learn from; for the card.
        bounds: How far the exported graph may be off.

    Raises:
        ExportError: The graph can't be made, differs beyond its bounds, or does not fit. Nothing was written.
        GoldenError: The network answers the golden slices so evenly that a fault could not be told from an answer.
    """
    plan = model.plan
    graph = serialise(export_unet(model.net, channels=len(plan.channels)))
    cases = parity_cases(exam.exam, exam.reference[plan.region], plan=plan)
    parity = compare(model.net, graph, cases=cases, threshold=plan.threshold, source=exam.source, bounds=bounds)
    parity.require()
    golden = GoldenAnswer.record(run_graph(open_graph(graph), golden_slices(len(plan.channels))))
    facts = CardFacts(plan=plan, run=run, provenance=model.provenance, graph=graph, parity=parity, scores=scores)
    folder = write_model(
        models,
        model_name(plan.region),
        files={
            GRAPH_FILE: graph,
            CONFIG_FILE: render_config(plan, graph=graph, golden=golden).encode(),
            PROVENANCE_FILE: (json.dumps(model.provenance, indent=1, sort_keys=True) + "\n").encode(),
            PARITY_FILE: parity.to_json().encode(),
            CARD_FILE: render_card(facts).encode(),
        },
    )
    return Released(folder, parity)
