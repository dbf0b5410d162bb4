from __future__ import annotations

import pytest

from imaging.metrics.image_quality import QualityMetric
from imaging.metrics.paper import (
    TABLE_ONE,
    TABLE_THREE,
    PaperArm,
    PaperFigure,
    TableOneCheck,
    best_of_paper,
    check_table_one,
)
from imaging.metrics.summary import Metric
from imaging.modality import Modality
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


def test_table_one_is_complete():
    assert TABLE_ONE.keys() == {(metric, modality) for metric in QualityMetric for modality in Modality}
    assert TABLE_ONE[QualityMetric.MAE, Modality.T1CE] == PaperFigure(22.805, 0.583)
    assert TABLE_ONE[QualityMetric.SSIM, Modality.FLAIR] == PaperFigure(0.794, 0.005)


def test_what_in_table_one_cannot_be():
    checks = check_table_one()
    assert [check.modality for check in checks] == list(Modality)
    t1 = checks[0]
    assert (t1.mse, t1.mae, t1.psnr_db) == (19.246, 23.375, 43.068)
    assert t1.largest_mae == pytest.approx(4.387, abs=1e-3)
    assert t1.range_needed == pytest.approx(624.6, abs=0.1)
    assert t1.psnr_db_allowed == pytest.approx(35.29, abs=0.01)
    assert not any(check.mae_is_possible for check in checks)


def test_a_possible_row_is_said_to_be_one():
    assert TableOneCheck(Modality.T1, 25.0, 5.0, 5.0, 34.0, 34.15, 255.0).mae_is_possible
