"""A model's card, filled in from what the run, the parity gate and the evaluation recorded. Nothing is from memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from export.card_facts import data_facts, graph_facts, load_template, parity_facts, settings_facts
from export.config import model_name
from export.engine_card import untuned
from export.engine_choice import UNET_ENGINE, EngineChoice
from export.parity import ParityReport
from imaging.metrics.markdown import render_markdown
from imaging.metrics.summary import CohortSummary
from imaging.pipeline.plan import ModelPlan
from imaging.regions import Region
from training.plan import RunPlan
from training.profiles import Keep, Profile
from training.split import Split

TEMPLATE = "model_card.md"
_TITLES = {Region.WT: "whole tumour (WT)", Region.TC: "tumour core (TC)", Region.ET: "enhancing tumour (ET)"}
_PARTS = {
    Region.WT: "necrotic and non-enhancing core, oedema and enhancing tumour together",
    Region.TC: "necrotic and non-enhancing core and enhancing tumour together",
    Region.ET: "enhancing tumour",
}


@dataclass(frozen=True)
class CardFacts:
    """All that a card is written from.

    Args:
        plan: How the model is used.
        run: What the training run decided before it started.
        provenance: What `training.checkpoint` tells of the network beside that: the epoch kept, the time taken.
        graph: The serialised graph.
        parity: What the parity gate found.
        scores: The evaluation of patients that it, or its folds, did not learn from, where there was one.
        engine: How it is run until a search for the fastest engine was made.
    """

    plan: ModelPlan
    run: RunPlan
    provenance: Mapping[str, Any]
    graph: bytes
    parity: ParityReport
    scores: CohortSummary | None = None
    engine: EngineChoice = UNET_ENGINE


def render_card(facts: CardFacts) -> str:
    """The card as Markdown."""
    name = model_name(facts.plan.region)
    return load_template(TEMPLATE).substitute(
        graph_facts(name, facts.graph)
        | _model_facts(facts.plan)
        | data_facts(facts.run)
        | {"split": _split(facts.run)}
        | settings_facts(facts.run, facts.run.profiles[facts.plan.region])
        | _run_facts(facts)
        | parity_facts(facts.parity)
        | {"engine": untuned(facts.engine)}
    )


def _model_facts(plan: ModelPlan) -> dict[str, str]:
    return {
        "title": f"U-Net for {_TITLES[plan.region]}",
        "summary": f"Marks {_PARTS[plan.region]} in axial slices of multi-contrast MRI of gliomas.",
        "channels": ", ".join(channel.value for channel in plan.channels),
        "threshold": f"{plan.threshold:g}",
        "afterwards": _afterwards(plan),
    }


def _afterwards(plan: ModelPlan) -> str:
    steps = ["probabilities of a slice and of its left/right mirror image are averaged"] if plan.mirror else []
    if plan.min_component_ml:
        steps.append(f"connected components below {plan.min_component_ml:g} ml are dropped")
    if plan.min_region_ml:
        steps.append(f"a region below {plan.min_region_ml:g} ml in all is reported as absent")
    return "; ".join(steps) or "nothing"


def _run_facts(facts: CardFacts) -> dict[str, str]:
    run, region = facts.run, facts.plan.region
    kept = facts.provenance["kept"]
    smallest = run.fingerprint.smallest_volume_ml[region]
    return {
        "base_width": f"{run.profiles[region].base_width}",
        "epoch": f"{kept['epoch']}",
        "epochs": f"{facts.provenance['epochs_trained']}",
        "minutes": f"{facts.provenance['training_seconds'] / 60:.0f}",
        "why_kept": _why_kept(run.profiles[region], kept["validation_dsc"]),
        "why_threshold": _why_threshold(facts.provenance.get("calibration")),
        "scores": _scores(facts.scores, run, region),
        "small": f"The smallest {region.name} that it learned from has {smallest:g} ml.",
    }


def _split(run: RunPlan) -> str:
    train, validation = len(run.split.train), len(run.split.validation)
    if not run.folds:
        return (
            f"{train} patients train, {validation} validate. Validation patients may choose the epoch, and nothing "
            f"else is learned from them.\n\nValidation: {_names(run.split)}"
        )
    folds = "\n".join(f"- fold {number}: {_names(fold)}" for number, fold in enumerate(run.folds, 1))
    return (
        f"All {train} patients train these weights, so nobody is left to score them on. What to expect of them is told "
        f"by a cross-validation: {len(run.folds)} runs of the same settings, each scored on the patients that it did "
        f"not learn from.\n\n{folds}"
    )


def _names(split: Split) -> str:
    return ", ".join(f"`{patient}`" for patient in split.validation)


def _why_kept(profile: Profile, validation_dsc: float | None) -> str:
    if profile.keep is Keep.LAST or validation_dsc is None:
        return "the last one, as decided before"
    return f"the lowest validation loss (slice-wise validation DSC {validation_dsc:.3f})"


def _why_threshold(calibration: Mapping[str, Any] | None) -> str:
    if calibration is None:
        return "The threshold is the usual one."
    tried = ", ".join(f"{threshold}: {dsc:.3f}" for threshold, dsc in calibration["dsc_by_threshold"].items())
    return (
        f"The threshold is the one with the highest mean DSC of the network alone among {calibration['patients']} "
        f"patients, each judged by a fold that had not learned from them ({tried}). A fold that is scored below takes "
        "its own from the other folds' patients."
    )


def _scores(scores: CohortSummary | None, run: RunPlan, region: Region) -> str:
    if scores is None:
        return "Not evaluated yet. Do not use a model of unknown quality."
    own = replace(scores, rows=tuple(row for row in scores.rows if row.region is region))
    on = "all patients, each by the fold that did not learn from them" if run.folds else "the validation patients"
    return f"Whole pipeline (all three models, gated) on {on}:\n\n{render_markdown(own).rstrip()}"
