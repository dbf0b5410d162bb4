"""A generator's card, filled in from what the run and the parity gate recorded, and from what was measured of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from export.card_facts import data_facts, graph_facts, load_template, parity_facts, settings_facts
from export.generator_parity import GeneratorParityReport
from imaging.brainmap.encode import MapChannels
from imaging.brainmap.maps import BANDS, Lesion
from imaging.brainmap.plan import GeneratorPlan
from training.synthesis.generator import LARGEST
from training.synthesis.plan import GeneratorRunPlan
from training.synthesis.profiles import Target

TEMPLATE = "generator_card.md"
NOT_EVALUATED = "Not evaluated yet. Do not use images of unknown quality."
NOT_EXAMINED = (
    "Not examined yet. Whether it repeats images of its training patients is unknown: treat what it draws as if it did."
)
_PARTS = {
    Lesion.NCR: "NCR: necrotic and non-enhancing tumour core",
    Lesion.ED: "ED: peritumoural oedema",
    Lesion.ET: "ET: enhancing tumour",
}


@dataclass(frozen=True)
class GeneratorFacts:
    """All that a generator's card is written from.

    Args:
        name: Of the model in the repository.
        target: Which generator of the run.
        plan: How the model is used.
        run: What the training run decided before it started.
        provenance: What `training.synthesis.provenance` tells of the network beside that.
        graph: The serialised graph.
        parity: What the parity gate found.
        quality: How near its images come to real ones, in Markdown, where that was measured.
        replicas: Whether it repeats images of its training patients, in Markdown, where that was examined.
    """

    name: str
    target: Target
    plan: GeneratorPlan
    run: GeneratorRunPlan
    provenance: Mapping[str, Any]
    graph: bytes
    parity: GeneratorParityReport
    quality: str | None = None
    replicas: str | None = None


def render_generator_card(facts: GeneratorFacts) -> str:
    """The card as Markdown."""
    profile = facts.run.profiles[facts.target]
    return load_template(TEMPLATE).substitute(
        graph_facts(facts.name, facts.graph)
        | _model_facts(facts.plan)
        | data_facts(facts.run)
        | settings_facts(facts.run, profile)
        | _run_facts(facts)
        | parity_facts(facts.parity)
    )


def _model_facts(plan: GeneratorPlan) -> dict[str, str]:
    drawn = ", ".join(contrast.name for contrast in plan.draws)
    return {
        "title": f"Generator of {drawn}",
        "summary": f"Draws {drawn} in axial slices of a brain with a glioma, from a map of what is where.",
        "multiple": f"{plan.multiple}",
        "largest": f"{LARGEST}",
        "channel_count": f"{plan.channels.count}",
        "channels": _channel_rows(plan.channels),
        "draws": ", ".join(contrast.value for contrast in plan.draws),
        "white_percentile": f"{plan.white_percentile:g}",
        "in_lesion": "told too" if plan.channels.bands_in_lesion else "not told, only the tumour's parts are",
    }


def _channel_rows(channels: MapChannels) -> str:
    rows = [
        (f"{index * BANDS} to {(index + 1) * BANDS - 1}", f"bands 1 to {BANDS} of {contrast.name}")
        for index, contrast in enumerate(channels.contrasts)
    ]
    first = BANDS * len(channels.contrasts)
    rows += [(f"{first + index}", text) for index, text in enumerate(_PARTS.values())]
    return "\n".join(f"| {place} | {text} |" for place, text in rows)


def _run_facts(facts: GeneratorFacts) -> dict[str, str]:
    profile, provenance = facts.run.profiles[facts.target], facts.provenance
    digest = facts.run.vgg_sha256
    similar = provenance["kept"]["validation_ssim"]
    return {
        "components": f"{len(profile.widths)}",
        "widths": ", ".join(map(str, profile.widths)),
        "epoch": f"{provenance['epochs_trained']}",
        "epochs": f"{profile.epochs}",
        "minutes": f"{provenance['training_seconds'] / 60:.0f}",
        "vgg": f"trained weights of sha256 `{digest}`" if digest else "random features",
        "validation_ssim": ", ".join(f"{contrast} {value:.3f}" for contrast, value in similar.items()),
        "quality": NOT_EVALUATED if facts.quality is None else facts.quality.strip(),
        "replicas": NOT_EXAMINED if facts.replicas is None else facts.replicas.strip(),
    }
