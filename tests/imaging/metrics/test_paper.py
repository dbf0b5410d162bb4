from __future__ import annotations

import pytest

from imaging.metrics.paper import TABLE_THREE, PaperArm, best_of_paper
from imaging.metrics.summary import Metric
from imaging.regions import Region


def test_the_table_is_complete():
    assert TABLE_THREE.keys() == {(metric, region) for metric in Metric for region in Region}
    assert all(list(arms) == list(PaperArm) for arms in TABLE_THREE.values())


@pytest.mark.parametrize(
    ("metric", "region", "real_only", "best"),
    [
        (Metric.DSC, Region.ET, 0.559, 0.607),
        (Metric.DSC, Region.WT, 0.818, 0.841),
        (Metric.DSC, Region.TC, 0.648, 0.701),
        (Metric.HD95_MM, Region.ET, 11.8, 8.5),
        (Metric.HD95_MM, Region.WT, 17.0, 11.4),
        (Metric.HD95_MM, Region.TC, 17.4, 13.4),
        (Metric.SENSITIVITY, Region.WT, 0.887, 0.899),
        (Metric.SPECIFICITY, Region.TC, 0.992, 0.995),
    ],
)
def test_real_only_and_best(metric, region, real_only, best):
    assert TABLE_THREE[metric, region][PaperArm.REAL_ONLY] == real_only
    assert best_of_paper(metric, region) == best
