import math
from dataclasses import replace

import pytest

from imaging.evaluation import CaseScore, Scores
from imaging.metrics.policy import MetricStatus
from imaging.metrics.regions import MetricConventions, RegionMetrics
from imaging.metrics.summary import Metric
from imaging.regions import Region
from training.errors import TrainingError
from training.experiments.arms import HALVES, ONCE, QUARTERS, ArmName
from training.experiments.table_three import ArmScores, render_table_three


def scores(*values, ids=None):
    """Scores of patients whose DSC is given; HD95 is 10 less ten times that, in every region."""
    ids = ids or [f"case{number}" for number in range(len(values))]
    return Scores(
        "torch",
        MetricConventions(),
        [
            CaseScore(
                name,
                {
                    region: RegionMetrics(region, value, 10 - 10 * value, value, 0.99, MetricStatus.COMPUTED)
                    for region in Region
                },
            )
            for name, value in zip(ids, values, strict=True)
        ],
    )


def all_arms(**changed):
    arms = {name: [scores(0.5, 0.7), scores(0.6, 0.8)] for name in ArmName}
    return arms | {ArmName[name]: value for name, value in changed.items()}


def test_means_run_over_seeds_and_patients():
    table = ArmScores(all_arms())
    assert table.by_patient(ArmName.REAL, Metric.DSC, Region.WT) == pytest.approx([0.55, 0.75])
    assert table.mean(ArmName.REAL, Metric.DSC, Region.WT) == pytest.approx(0.65)
    assert table.seed_sd(ArmName.REAL, Metric.DSC, Region.WT) == pytest.approx(math.sqrt(0.005))
    assert math.isnan(ArmScores({ArmName.REAL: [scores(0.5)]}).seed_sd(ArmName.REAL, Metric.DSC, Region.WT))


def test_a_patient_without_a_value_is_left_out_of_the_pairs():
    lost = [scores(math.nan, 0.9), scores(math.nan, 0.9)]
    table = ArmScores(all_arms(ALL=lost))
    gain = table.gain(ArmName.ALL, Metric.DSC, Region.ET)
    assert (gain.value, gain.low, gain.high) == pytest.approx((0.15, 0.15, 0.15))
    assert table.mean(ArmName.ALL, Metric.DSC, Region.ET) == pytest.approx(0.9)


def test_gains_are_paired_by_patient():
    table = ArmScores(all_arms(ALL=[scores(0.6, 0.8), scores(0.7, 0.9)]))
    gain = table.gain(ArmName.ALL, Metric.DSC, Region.WT)
    assert (gain.value, gain.low, gain.high) == pytest.approx((0.1, 0.1, 0.1))
    assert table.gain(ArmName.ALL, Metric.HD95_MM, Region.WT).value == pytest.approx(-1.0)


def test_the_utility_ratio_is_one_of_means():
    table = ArmScores(all_arms(SYNTHETIC_ONLY=[scores(0.25, 0.35), scores(0.3, 0.4)]))
    ratio = table.utility_ratio(Region.TC)
    assert ratio.value == pytest.approx(0.5)
    assert ratio.low <= 0.5 <= ratio.high


def test_a_ratio_to_nothing_has_no_value():
    nothing = [scores(0.0, 0.0)] * 2
    ratio = ArmScores(all_arms(SYNTHETIC_ONLY=nothing, REAL=nothing)).utility_ratio(Region.TC)
    assert math.isnan(ratio.value)
    assert math.isnan(ratio.low)


def test_disjoint_subsets_are_averaged():
    table = ArmScores(all_arms(SECOND_QUARTER=[scores(0.7, 0.9)] * 2, SECOND_HALF=[scores(0.75, 0.75)] * 2))
    mean, sd = table.averaged(QUARTERS, Metric.DSC, Region.WT)
    assert mean == pytest.approx((3 * 0.6 + 0.8) / 4)
    assert sd == pytest.approx(0.1)
    assert table.averaged(HALVES, Metric.DSC, Region.WT)[0] == pytest.approx(0.675)


def test_disjoint_subsets_need_the_first_seed_alone():
    once = {name: value[:1] if name in ONCE else value for name, value in all_arms().items()}
    assert ArmScores(once).averaged(QUARTERS, Metric.DSC, Region.WT)[0] == pytest.approx(0.6)
    assert "0.600 ± 0.000" in render_table_three(ArmScores(once))


def test_marks_follow_the_paper():
    better, worse = [scores(0.7, 0.9)] * 2, [scores(0.1, 0.3)] * 2
    text = render_table_three(ArmScores(all_arms(QUARTER=worse, ALL=better)))
    row = next(line for line in text.splitlines() if line.startswith("| DSC | WT"))
    assert row == "| DSC | WT | 0.650 | *0.200* | 0.650 | 0.650 | **<u>0.800</u>** |"
    far = next(line for line in text.splitlines() if line.startswith("| HD95 (mm) | WT"))
    assert far == "| HD95 (mm) | WT | 3.5 | *8.0* | 3.5 | 3.5 | **<u>2.0</u>** |"
    # The paper's own table stands beside it, marked by the same rule.
    assert "| DSC | WT | 0.818 | *0.789* | *0.817* | **<u>0.841</u>** | **0.828** |" in text


def test_arms_that_can_not_be_compared_are_refused():
    with pytest.raises(TrainingError, match="must hold the arm 'real'"):
        ArmScores({ArmName.ALL: [scores(0.5)]})
    with pytest.raises(TrainingError, match="same seeds"):
        ArmScores({ArmName.REAL: [scores(0.5)], ArmName.ALL: [scores(0.5)] * 2})
    with pytest.raises(TrainingError, match="same patients"):
        ArmScores({ArmName.REAL: [scores(0.5)], ArmName.ALL: [scores(0.5, ids=["other"])]})


def test_scores_come_back_from_json_as_they_went():
    before = scores(0.5, math.nan)
    after = Scores.from_json(before.to_json())
    assert after.conventions == before.conventions
    assert after.cases[0] == before.cases[0]
    assert math.isnan(after.cases[1].metrics[Region.WT].dsc)
    assert replace(after, cases=after.cases[:1]).to_json() == replace(before, cases=before.cases[:1]).to_json()
