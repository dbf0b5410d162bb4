"""A trained generator becomes a served model: graph, parity, golden answer, configuration, card, repository."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.config import render_generator_config
from export.generator_card import GeneratorFacts, render_generator_card
from export.generator_cases import map_cases
from export.generator_graph import export_generator
from export.generator_parity import GeneratorBounds, GeneratorParityReport, compare_generator
from export.graph import serialise
from export.repository import CARD_FILE, CONFIG_FILE, GRAPH_FILE, PARITY_FILE, PROVENANCE_FILE, write_model
from export.session import open_graph, run_session
from imaging.brainmap.golden import golden_maps
from imaging.brainmap.maps import BrainMap
from imaging.brainmap.plan import GeneratorPlan
from imaging.pipeline.golden import GoldenAnswer
from training.synthesis.painter import TrainedGenerator
from training.synthesis.plan import GeneratorRunPlan
from training.synthesis.profiles import Target


@dataclass(frozen=True, eq=False)
class ParityMap:
    """The brain map by which torch and ONNX Runtime are compared.

    Args:
        brain_map: Of any exam.
        source: What it is, for the reader of the report, e.g. `phantom 7`; no patient's name.
    """

    brain_map: BrainMap
    source: str


@dataclass(frozen=True)
class ReleasedGenerator:
    """A generator that is now in the repository.

    Args:
        folder: Where.
        parity: What the parity gate found.
    """

    folder: Path
    parity: GeneratorParityReport


def generator_name(target: Target) -> str:
    """The name of a generator's model in the repository, e.g. `generator_joint`."""
    return f"generator_{target.value}"


def generator_plan(generator: TrainedGenerator) -> GeneratorPlan:
    """How a trained generator is used.

    Raises:
        PlanError: It has more components than a served one may have.
    """
    return GeneratorPlan(generator.channels, generator.target.draws, generator.net.multiple)


def release_generator(
    generator: TrainedGenerator,
    run: GeneratorRunPlan,
    *,
    provenance: Mapping[str, Any],
    shown: ParityMap,
    models: Path,
    quality: str | None = None,
    replicas: str | None = None,
    bounds: GeneratorBounds | None = None,
) -> ReleasedGenerator:
    """Export a generator, prove that it still draws the same, and put it in the model repository.

    Args:
        generator: The network.
        run: What its training run decided before it started.
        provenance: What `training.synthesis.provenance` tells of it.
        shown: By which both forms are compared.
        models: The repository.
        quality: How near its images come to real ones, in Markdown; for the card.
        replicas: Whether it repeats images of its training patients, in Markdown; for the card.
        bounds: How far the exported graph may be off.

    Raises:
        ExportError: The graph can't be made, differs beyond its bounds, or does not fit. Nothing was written.
        PlanError: The generator has more components than a served one may have.
        GoldenError: It answers the golden maps so evenly that a fault could not be told from an answer.
    """
    plan, name = generator_plan(generator), generator_name(generator.target)
    graph = serialise(export_generator(generator.net, plan))
    cases = map_cases(shown.brain_map, plan)
    parity = compare_generator(generator.net, graph, cases=cases, source=shown.source, bounds=bounds)
    parity.require()
    golden = golden_maps(plan.channels)
    shape = (golden.shape[0], len(plan.draws), *golden.shape[2:])
    answer = GoldenAnswer.record(run_session(open_graph(graph), golden, shape=shape))
    facts = GeneratorFacts(
        name=name,
        target=generator.target,
        plan=plan,
        run=run,
        provenance=provenance,
        graph=graph,
        parity=parity,
        quality=quality,
        replicas=replicas,
    )
    folder = write_model(
        models,
        name,
        files={
            GRAPH_FILE: graph,
            CONFIG_FILE: render_generator_config(name, plan, graph=graph, golden=answer).encode(),
            PROVENANCE_FILE: (json.dumps(provenance, indent=1, sort_keys=True) + "\n").encode(),
            PARITY_FILE: parity.to_json().encode(),
            CARD_FILE: render_generator_card(facts).encode(),
        },
    )
    return ReleasedGenerator(folder, parity)
