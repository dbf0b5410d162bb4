from __future__ import annotations

import hashlib
import math

import pytest

from export.model_card import CardFacts, render_card
from export.parity import ParityReport
from export.terms import describe_terms
from imaging.evaluation import CaseScore, Scores
from imaging.metrics.policy import MetricStatus
from imaging.metrics.regions import MetricConventions, RegionMetrics
from imaging.regions import Region
from tests.export.tiny import PLAN
from training.plan import RunPlan
from training.split import Split

SECTIONS = ("Intended use", "Training data", "Split", "Settings", "Scores", "Export", "Engine", "Limits", "Terms")
PROVENANCE = {
    "kept": {"epoch": 42, "validation_dsc": 0.876},
    "epochs_trained": 100,
    "training_seconds": 5400,
}


def scores() -> Scores:
    def metrics(region: Region, dsc: float) -> RegionMetrics:
        return RegionMetrics(region, dsc, math.nan, 0.9, 0.99, MetricStatus.COMPUTED)

    cases = [CaseScore(f"P{n}", {region: metrics(region, 0.5 + 0.1 * n) for region in Region}) for n in range(4)]
    return Scores("onnxruntime", MetricConventions(), cases)


@pytest.fixture
def facts(run_plan: RunPlan, parity: ParityReport) -> CardFacts:
    return CardFacts(plan=PLAN, run=run_plan, provenance=PROVENANCE, graph=b"graph", parity=parity)


def test_has_every_section_and_no_gap(facts: CardFacts) -> None:
    card = render_card(facts)
    assert [line[3:] for line in card.splitlines() if line.startswith("## ")] == list(SECTIONS)
    assert "$" not in card
    assert "not a medical device" in card


def test_states_the_recorded_facts(facts: CardFacts) -> None:
    card = " ".join(render_card(facts).split())
    for fact in (
        "# U-Net for whole tumour (WT)",
        hashlib.sha256(b"graph").hexdigest(),
        "t1, t2, flair",
        "3 exams of 3 patients: 1 of BraTS 2018",
        "2 of BraTS 2021",
        "1 have no ET",
        "2 patients train, 1 validate",
        "Validation: `P3`",
        "Profile `smoke`",
        "epoch 42 of 100",
        "validation DSC 0.876",
        "90 minutes",
        "components below 1 ml are dropped",
        "left/right mirror image",
        "slices of a test ball",
    ):
        assert fact in card, fact


def test_without_scores_it_warns(facts: CardFacts) -> None:
    assert "Not evaluated yet" in render_card(facts)


def test_scores_of_its_own_region_with_n_and_interval(run_plan: RunPlan, parity: ParityReport) -> None:
    facts = CardFacts(
        plan=PLAN, run=run_plan, provenance=PROVENANCE, graph=b"", parity=parity, scores=scores().summary()
    )
    card = render_card(facts)
    assert "| DSC | WT | 0.650 |" in card
    assert "4 cases" in card
    assert "| TC |" not in card
    assert "Not evaluated yet" not in card


def test_after_a_cross_validation_it_tells_whose_scores_they_are(run_plan: RunPlan, parity: ParityReport) -> None:
    everyone = Split(("P1", "P2", "P3"), ())
    folds = tuple(Split(tuple({"P1", "P2", "P3"} - {one}), (one,)) for one in ("P1", "P2", "P3"))
    run = run_plan.model_copy(update={"split": everyone, "folds": folds})
    kept = PROVENANCE | {"kept": {"epoch": 99, "validation_dsc": None}}
    card = " ".join(
        render_card(
            CardFacts(plan=PLAN, run=run, provenance=kept, graph=b"", parity=parity, scores=scores().summary())
        ).split()
    )
    assert "All 3 patients train these weights" in card
    assert "- fold 2: `P2`" in card
    assert "epoch 99 of 100, the last one, as decided before" in card
    assert "each by the fold that did not learn from them" in card


def test_terms_and_citations_of_the_data_sets_that_were_used() -> None:
    both = describe_terms({"brats2018": 14, "brats2021": 16})
    for citation in (
        "arXiv:1811.02629",
        "10.1109/TMI.2014.2377694",
        "10.1038/sdata.2017.117",
        "CC BY 4.0",
        "2107.02314",
    ):
        assert citation in both
    assert "1811.02629" not in describe_terms({"brats2021": 16})
    assert "terms unknown" in describe_terms({"plain": 1})


def test_the_threshold_is_accounted_for(run_plan, parity):
    usual = render_card(CardFacts(plan=PLAN, run=run_plan, provenance=PROVENANCE, graph=b"", parity=parity))
    assert "The threshold is the usual one." in usual
    calibration = {"patients": 30, "dsc_by_threshold": {"0.3": 0.71, "0.5": 0.7}}
    chosen = PROVENANCE | {"calibration": calibration}
    card = render_card(CardFacts(plan=PLAN, run=run_plan, provenance=chosen, graph=b"", parity=parity))
    assert "among 30 patients" in card
    assert "(0.3: 0.710, 0.5: 0.700)" in card
