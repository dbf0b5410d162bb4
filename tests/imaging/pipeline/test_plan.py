"""The decisions recorded beside a model."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.errors import PlanError
from imaging.modality import Channel
from imaging.pipeline.plan import ModelPlan
from imaging.regions import Region

PLAN = ModelPlan(Region.ET, (Channel.T1, Channel.T1CE_MINUS_T1), threshold=0.4, mirror=True, min_region_ml=0.05)

plans = st.builds(
    ModelPlan,
    region=st.sampled_from(Region),
    channels=st.lists(st.sampled_from(Channel), min_size=1, unique=True).map(tuple),
    threshold=st.floats(0, 1, exclude_min=True, exclude_max=True),
    mirror=st.booleans(),
    min_component_ml=st.floats(0, 999),
    min_region_ml=st.floats(0, 999),
)


@given(plan=plans)
@settings(deadline=None, max_examples=60)
def test_a_plan_survives_its_json(plan):
    assert ModelPlan.from_json(plan.to_json()) == plan


def test_json_is_one_sorted_line():
    text = PLAN.to_json()

    assert "\n" not in text
    assert list(json.loads(text)) == sorted(json.loads(text))
    assert json.loads(text)["channels"] == ["t1", "t1ce_minus_t1"]


def test_defaults_are_those_of_the_paper():
    plan = ModelPlan.from_json('{"region": "wt", "channels": ["flair"]}')

    assert (plan.threshold, plan.mirror, plan.min_component_ml, plan.min_region_ml) == (0.5, False, 0.0, 0.0)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"channels": ()}, "channels"),
        ({"channels": (Channel.T1, Channel.T1)}, "channels"),
        ({"threshold": 0.0}, "threshold"),
        ({"threshold": 1.0}, "threshold"),
        ({"threshold": float("nan")}, "threshold"),
        ({"mirror": "no"}, "mirror"),
        ({"min_component_ml": -1.0}, "min_component_ml"),
        ({"min_region_ml": 1000.0}, "min_region_ml"),
        ({"min_region_ml": float("nan")}, "min_region_ml"),
    ],
)
def test_values_out_of_range_are_refused(change, field):
    with pytest.raises(PlanError) as caught:
        ModelPlan(**{"region": Region.WT, "channels": (Channel.T1,), **change})

    assert caught.value.field == field


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("{", "must be JSON"),
        ("[]", "must be a JSON object"),
        ('{"region": "wt", "channels": ["t1"], "treshold": 0.4}', "treshold"),
        ('{"channels": ["t1"]}', "must be complete"),
        ('{"region": "wt"}', "must be complete"),
        ('{"region": "oedema", "channels": ["t1"]}', "known names"),
        ('{"region": "wt", "channels": ["adc"]}', "known names"),
        ('{"region": "wt", "channels": 3}', "must be complete"),
        ('{"region": "wt", "channels": ["t1"], "threshold": "0.5"}', "must be complete"),
        ('{"region": "wt", "channels": ["t1"], "mirror": "yes"}', "true or false"),
        ('{"region": "wt", "channels": ["t1"], "threshold": NaN}', "between 0 and 1"),
    ],
)
def test_json_that_is_no_plan_is_refused(text, rule):
    with pytest.raises(PlanError, match=rule):
        ModelPlan.from_json(text)
