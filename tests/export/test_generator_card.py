from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from export.generator_card import NOT_EVALUATED, NOT_EXAMINED, GeneratorFacts, render_generator_card
from export.generator_parity import GeneratorParityReport
from tests.export.tiny_generator import GENERATOR_PLAN, RUN_PLAN, TARGET
from training.synthesis.profiles import Target

SECTIONS = (
    *("Intended use", "Training data", "Split", "Settings", "Quality", "Memorisation", "Export", "Limits", "Terms"),
)
PROVENANCE = {"kept": {"validation_ssim": {"flair": 0.8765}}, "epochs_trained": 1, "training_seconds": 5400}


@pytest.fixture
def facts(generator_parity: GeneratorParityReport) -> GeneratorFacts:
    return GeneratorFacts(
        name="generator_flair",
        target=TARGET,
        plan=GENERATOR_PLAN,
        run=RUN_PLAN,
        provenance=PROVENANCE,
        graph=b"graph",
        parity=generator_parity,
    )


def test_has_every_section_and_no_gap(facts: GeneratorFacts) -> None:
    card = render_generator_card(facts)
    assert [line[3:] for line in card.splitlines() if line.startswith("## ")] == list(SECTIONS)
    assert "$" not in card
    assert "not a medical device" in card


def test_states_the_recorded_facts(facts: GeneratorFacts) -> None:
    card = " ".join(render_generator_card(facts).split())
    for fact in (
        "# Generator of FLAIR",
        "must be labelled as such",
        hashlib.sha256(b"graph").hexdigest(),
        "multiples of 8 up to 256: the 7 channels",
        "| 0 to 3 | bands 1 to 4 of FLAIR | | 4 | NCR",
        "| 6 | ET",
        "they are not told, only the tumour's parts are",
        "the 99.9th percentile",
        "3 exams of 3 patients: 1 of BraTS 2018",
        "arXiv:2107.02314",
        "2 patients train, 1 validate",
        "Validation: `P3`",
        "Profile `smoke`",
        "after epoch 1 of 2",
        "90 minutes",
        f"trained weights of sha256 `{'e' * 64}`",
        "flair 0.876",
        "slices of a test ball's map",
    ):
        assert fact in card, fact


def test_joint_generator_lists_all_its_channels(facts: GeneratorFacts) -> None:
    plan = replace(GENERATOR_PLAN, channels=Target.JOINT.channels, draws=Target.JOINT.draws)
    card = render_generator_card(replace(facts, plan=plan, target=Target.JOINT))
    assert "| 12 to 15 | bands 1 to 4 of FLAIR |" in card
    assert "| 18 | ET" in card
    assert "Inside the tumour they are told too" in card


def test_says_what_was_not_measured(facts: GeneratorFacts) -> None:
    card = render_generator_card(facts)
    assert NOT_EVALUATED in card
    assert NOT_EXAMINED in card


def test_takes_what_was_measured_as_it_is(facts: GeneratorFacts) -> None:
    card = render_generator_card(replace(facts, quality="| SSIM | 0.9 |\n", replicas="None for $0."))
    assert "| SSIM | 0.9 |" in card
    assert "None for $0." in card
    assert NOT_EVALUATED not in card
    assert NOT_EXAMINED not in card
