"""The plan beside each network of brain extraction."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.brain.plan import BrainPlan, BrainStep, BrainStepPlan
from imaging.errors import PlanError

PLANS = st.builds(
    BrainStepPlan,
    step=st.sampled_from(BrainStep),
    side=st.sampled_from(range(32, 257, 32)),
    threshold=st.floats(0.01, 0.99),
    smallest_ml=st.floats(0.0, 999.0),
)


@given(plan=PLANS)
def test_survives_json(plan: BrainStepPlan) -> None:
    text = plan.to_json()

    assert BrainStepPlan.from_json(text) == plan
    assert "\n" not in text


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"side": 100}, "side: must be a multiple of 32"),
        ({"side": 0}, "side: must be a multiple of 32"),
        ({"side": 288}, "side: must be a multiple of 32, at most 256, got 288"),
        ({"side": 128.0}, "side: must be a multiple of 32"),
        ({"threshold": 0.0}, "threshold: must lie between 0 and 1"),
        ({"threshold": 1.0}, "threshold: must lie between 0 and 1"),
        ({"smallest_ml": -1.0}, "smallest_ml: must be at least 0"),
        ({"smallest_ml": float("nan")}, "smallest_ml: must be at least 0"),
    ],
)
def test_refuses_values_out_of_range(changes: dict[str, float], complaint: str) -> None:
    with pytest.raises(PlanError, match=complaint):
        BrainStepPlan(**{"step": BrainStep.BOX, "side": 128} | changes)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "must be JSON"),
        ("[]", "must be an object with the keys"),
        ('{"step": "box"}', "must be an object with the keys"),
        (json.dumps(json.loads(BrainStepPlan(BrainStep.BOX, 64).to_json()) | {"more": 1}), "must be an object"),
        (BrainStepPlan(BrainStep.BOX, 64).to_json().replace("box", "crate"), "must hold a known step"),
        (BrainStepPlan(BrainStep.BOX, 64).to_json().replace("0.5", '"half"'), "must hold a known step and numbers"),
        (BrainStepPlan(BrainStep.BOX, 64).to_json().replace("64", "65"), "side: must be a multiple"),
    ],
)
def test_refuses_what_it_did_not_write(text: str, complaint: str) -> None:
    with pytest.raises(PlanError, match=complaint):
        BrainStepPlan.from_json(text)


def test_both_steps_have_their_own_plan() -> None:
    box, mask = BrainStepPlan(BrainStep.BOX, 64), BrainStepPlan(BrainStep.MASK, 64)

    assert BrainPlan(box, mask).mask is mask
    with pytest.raises(PlanError, match="box: must be the plan of its own step, got that of mask"):
        BrainPlan(mask, box)
