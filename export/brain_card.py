"""The card of one of brain extraction's networks, filled in from what was exported and what the parity gate found."""

from __future__ import annotations

from dataclasses import dataclass

from export.brain_parity import BrainParityReport
from export.brain_source import PACKAGE, VERSION, WEIGHTS
from export.card_facts import graph_facts, load_template, parity_facts
from imaging.brain.plan import BrainStep, BrainStepPlan

TEMPLATE = "brain_card.md"
_TITLES = {BrainStep.BOX: "Brain extraction, first look", BrainStep.MASK: "Brain extraction, second look"}
_SUMMARIES = {
    BrainStep.BOX: "Finds roughly where the brain lies in a whole head, so that the second network can look closely.",
    BrainStep.MASK: "Tells which voxels are brain, within the box that the first network found.",
}


@dataclass(frozen=True)
class BrainFacts:
    """All that the card is written from.

    Args:
        name: Of the model in the repository.
        plan: How the model is used.
        graph: The serialised graph.
        parity: What the parity gate found.
    """

    name: str
    plan: BrainStepPlan
    graph: bytes
    parity: BrainParityReport


def render_brain_card(facts: BrainFacts) -> str:
    """The card as Markdown."""
    return load_template(TEMPLATE).substitute(
        graph_facts(facts.name, facts.graph)
        | {
            "title": _TITLES[facts.plan.step],
            "summary": _SUMMARIES[facts.plan.step],
            "side": f"{facts.plan.side}",
            "threshold": f"{facts.plan.threshold:g}",
            "smallest_ml": f"{facts.plan.smallest_ml:g}",
            "package": PACKAGE,
            "version": VERSION,
            "member": WEIGHTS[facts.plan.step].member,
            "weights_sha256": WEIGHTS[facts.plan.step].sha256,
            "largest_difference": f"{facts.parity.largest_difference:.2g}",
        }
        | parity_facts(facts.parity)
    )
