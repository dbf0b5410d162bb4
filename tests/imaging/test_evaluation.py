import json
import math

import pytest

from imaging.evaluation import CaseScore, Scores, largest_difference
from imaging.metrics.policy import MetricStatus
from imaging.metrics.regions import MetricConventions, RegionMetrics
from imaging.metrics.summary import Metric
from imaging.regions import Region


def scores(dsc=0.9, hd95_mm=2.0):
    metrics = {region: RegionMetrics(region, dsc, hd95_mm, 0.8, 0.99, MetricStatus.COMPUTED) for region in Region}
    return Scores("torch", MetricConventions(), [CaseScore("a", metrics), CaseScore("b", metrics)])


def test_json_holds_patients_and_summary_and_no_nan():
    content = json.loads(scores(hd95_mm=math.nan).to_json())
    assert content["engine"] == "torch"
    assert content["cases"][0]["regions"]["wt"] == {
        "region": "wt",
        "dsc": 0.9,
        "hd95_mm": None,
        "sensitivity": 0.8,
        "specificity": 0.99,
        "status": "computed",
    }
    assert {row["metric"] for row in content["summary"]} == {metric.value for metric in Metric}


def test_largest_difference_of_two_engines():
    one, other = json.loads(scores(0.9).to_json()), json.loads(scores(0.8975).to_json())
    largest = largest_difference(one, other)
    assert largest[Metric.DSC] == pytest.approx(0.0025)
    assert largest[Metric.HD95_MM] == 0


def test_a_value_that_only_one_engine_has_is_an_infinite_difference():
    one, other = json.loads(scores().to_json()), json.loads(scores(hd95_mm=math.nan).to_json())
    assert largest_difference(one, other)[Metric.HD95_MM] == math.inf
    assert largest_difference(other, other)[Metric.HD95_MM] == 0


def test_other_patients_are_no_comparison():
    one = json.loads(scores().to_json())
    other = {**one, "cases": one["cases"][:1]}
    with pytest.raises(KeyError):
        largest_difference(one, other)
