"""The part of a U-Net's card that tells how it is run, which changes without the network."""

from __future__ import annotations

from export.engine_choice import Accelerator, EngineChoice
from export.errors import FactsError

HEADING = "## Engine"
"""Under which a card tells it."""


def describe(choice: EngineChoice) -> str:
    """How a network is run, a sentence."""
    engine = "ONNX Runtime" if choice.accelerator is Accelerator.NONE else choice.accelerator.value
    count = choice.instances
    return (
        f"Served by Triton's `onnxruntime` backend: {engine}, {choice.precision.value}, "
        f"{count} instance{'' if count == 1 else 's'}."
    )


def untuned(choice: EngineChoice) -> str:
    """What a card says before patients were shown to the network as it is served."""
    return (
        f"{describe(choice)} This is the exporter's own choice. What it does to masks and how fast it is was not "
        "measured yet: `python -m export tune` does."
    )


def with_engine(card: str, told: str) -> str:
    """A card that tells this about the engine, and else what it told before.

    Args:
        card: As Markdown.
        told: What stands below the heading.

    Raises:
        FactsError: The card has no such part.
    """
    before, heading, after = card.partition(f"\n{HEADING}\n")
    if not heading:
        raise FactsError("card", f"must have a part {HEADING}: export the model anew", "none")
    _, following, rest = after.partition("\n## ")
    return f"{before}{heading}\n{told.strip()}\n{following}{rest}"
