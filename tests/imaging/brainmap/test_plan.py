"""The decisions recorded beside a generator."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.brainmap.encode import MapChannels
from imaging.brainmap.plan import GeneratorPlan
from imaging.errors import PlanError
from imaging.modality import Modality

PLAN = GeneratorPlan(MapChannels((Modality.T1,), bands_in_lesion=False), (Modality.T1, Modality.FLAIR), 64)

contrasts = st.lists(st.sampled_from(Modality), min_size=1, unique=True).map(tuple)
plans = st.builds(
    GeneratorPlan,
    channels=st.builds(MapChannels, contrasts=contrasts, bands_in_lesion=st.booleans()),
    draws=contrasts,
    multiple=st.sampled_from([1, 2, 4, 8, 16, 32, 64]),
    white_percentile=st.floats(0, 100, exclude_min=True),
)


@given(plan=plans)
@settings(deadline=None, max_examples=60)
def test_a_plan_survives_its_json(plan):
    assert GeneratorPlan.from_json(plan.to_json()) == plan


def test_json_is_one_sorted_line_of_plain_values():
    text = PLAN.to_json()

    assert "\n" not in text
    assert list(json.loads(text)) == sorted(json.loads(text))
    assert json.loads(text) == {
        "bands_in_lesion": False,
        "contrasts": ["t1"],
        "draws": ["t1", "flair"],
        "multiple": 64,
        "white_percentile": 99.9,
    }


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"draws": []}, "draws"),
        ({"draws": ["t1", "t1"]}, "draws"),
        ({"draws": ["pd"]}, "glioserve_plan"),
        ({"draws": None}, "glioserve_plan"),
        ({"contrasts": []}, "contrasts"),
        ({"bands_in_lesion": "no"}, "bands_in_lesion"),
        ({"multiple": 0}, "multiple"),
        ({"multiple": 48}, "multiple"),
        ({"multiple": 128}, "multiple"),
        ({"multiple": 64.0}, "multiple"),
        ({"multiple": True}, "multiple"),
        ({"white_percentile": 0.0}, "white_percentile"),
        ({"white_percentile": float("nan")}, "white_percentile"),
        ({"white_percentile": "99.9"}, "glioserve_plan"),
        ({"extra": 1}, "glioserve_plan"),
    ],
)
def test_refuses_what_is_no_plan(change, field):
    with pytest.raises(PlanError) as caught:
        GeneratorPlan.from_json(json.dumps(json.loads(PLAN.to_json()) | change))

    assert caught.value.field == field


@pytest.mark.parametrize("text", ["{", "[]", "{}", json.dumps({"draws": ["t1"]})])
def test_refuses_what_is_incomplete(text):
    with pytest.raises(PlanError, match="glioserve_plan"):
        GeneratorPlan.from_json(text)
