"""A model's card, filled in from what the run, the parity gate and the evaluation recorded. Nothing is from memory."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from importlib.resources import files
from string import Template
from typing import Any

from export.config import model_name
from export.parity import ParityReport
from export.terms import YEARS, describe_terms
from imaging.brats import BratsNaming
from imaging.metrics.markdown import render_markdown
from imaging.metrics.summary import CohortSummary
from imaging.pipeline.plan import ModelPlan
from imaging.regions import Region
from training.plan import RunPlan

TEMPLATE = "templates/model_card.md"
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
        scores: The evaluation of the validation patients, where there was one.
    """

    plan: ModelPlan
    run: RunPlan
    provenance: Mapping[str, Any]
    graph: bytes
    parity: ParityReport
    scores: CohortSummary | None = None


def render_card(facts: CardFacts) -> str:
    """The card as Markdown."""
    template = Template(files("export").joinpath(TEMPLATE).read_text(encoding="utf-8"))
    return template.substitute(
        _model_facts(facts) | _data_facts(facts.run) | _run_facts(facts) | _parity_facts(facts.parity)
    )


def _model_facts(facts: CardFacts) -> dict[str, str]:
    plan = facts.plan
    return {
        "title": f"U-Net for {_TITLES[plan.region]}",
        "summary": f"Marks {_PARTS[plan.region]} in axial slices of multi-contrast MRI of gliomas.",
        "name": model_name(plan.region),
        "sha256": hashlib.sha256(facts.graph).hexdigest(),
        "size_mb": f"{len(facts.graph) / 1e6:.1f}",
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


def _data_facts(run: RunPlan) -> dict[str, str]:
    data = run.fingerprint
    years = [f"{count} of {YEARS[BratsNaming(naming)]}" for naming, count in data.cases_by_naming.items()]
    without = [f"{count} have no {region.name}" for region, count in data.cases_without.items() if count]
    return {
        "cases": f"{data.cases}",
        "patients": f"{data.patients}",
        "years": ", ".join(years),
        "without": f"{', '.join(without)}." if without else "All have every region.",
        "terms": describe_terms(data.cases_by_naming),
        "fingerprint": data.digest,
    }


def _run_facts(facts: CardFacts) -> dict[str, str]:
    run, region = facts.run, facts.plan.region
    profile = run.profiles[region]
    kept = facts.provenance["kept"]
    smallest = run.fingerprint.smallest_volume_ml[region]
    return {
        "seed": f"{run.seed}",
        "train_count": f"{len(run.split.train)}",
        "validation_count": f"{len(run.split.validation)}",
        "validation": ", ".join(f"`{patient}`" for patient in run.split.validation),
        "profile": run.profile_name.value,
        "base_width": f"{profile.base_width}",
        "epoch": f"{kept['epoch']}",
        "epochs": f"{facts.provenance['epochs_trained']}",
        "minutes": f"{facts.provenance['training_seconds'] / 60:.0f}",
        "validation_dsc": "not measured" if kept["validation_dsc"] is None else f"{kept['validation_dsc']:.3f}",
        "settings": "\n".join(f"- {name}: {value}" for name, value in asdict(profile).items()),
        "versions": ", ".join(f"{name} {version}" for name, version in run.versions.items()),
        "scores": _scores(facts.scores, region),
        "small": f"The smallest {region.name} that it learned from has {smallest:g} ml.",
    }


def _scores(scores: CohortSummary | None, region: Region) -> str:
    if scores is None:
        return "Not evaluated yet. Do not use a model of unknown quality."
    own = replace(scores, rows=tuple(row for row in scores.rows if row.region is region))
    return "Whole pipeline (all three models, gated) on the validation patients:\n\n" + render_markdown(own).rstrip()


def _parity_facts(parity: ParityReport) -> dict[str, str]:
    return {
        "parity_source": parity.source,
        "torch_version": parity.torch_version.partition("+")[0],
        "onnxruntime_version": parity.onnxruntime_version,
        "probability_difference": f"{parity.probability_difference:.2g}",
        "probability_bound": f"{parity.bounds.probability_difference:g}",
        "flipped_share": f"{parity.flipped_share:.2g}",
        "flipped_bound": f"{parity.bounds.flipped_share:g}",
        "dsc_change": f"{parity.dsc_change:.2g}",
        "dsc_bound": f"{parity.bounds.dsc_change:g}",
    }
