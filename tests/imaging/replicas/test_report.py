from __future__ import annotations

import json

import numpy as np
import pytest

from imaging.replicas.align import ReplicaError, align_slices, join
from imaging.replicas.markdown import render_replicas
from imaging.replicas.nearest import find_nearest
from imaging.replicas.report import LEVELS, calibrate, check_replicas
from tests.imaging.replicas.slices import cohort, copies, volume


@pytest.fixture(scope="module")
def training():
    return cohort(5)


@pytest.fixture(scope="module")
def calibration(training):
    return calibrate(training, quantile=0.9)


def test_the_threshold_is_a_quantile_of_patients_likeness(training, calibration):
    nearest = find_nearest(training, training, other_patients=True)
    likeness = (nearest.correlation + nearest.ssim) / 2
    assert calibration.threshold == np.quantile(likeness, 0.9)
    assert calibration.real_flagged == np.count_nonzero(likeness > calibration.threshold) == 2
    real = calibration.real
    assert (real.slices, real.ssim[-1], real.likeness[0]) == (15, nearest.ssim.max(), likeness.min())


def test_copies_of_the_source_are_told_from_copies_of_others(training, calibration):
    own = copies(training.take(slice(0, 3)), "patient0")
    others = copies(training.take(slice(3, 6)), "patient0")
    strangers = align_slices(volume(99), patient="unseen")
    report = check_replicas([own, others, strangers], training, calibration)
    assert (report.slices, report.flagged, report.own_source, report.other_patient) == (9, 6, 3, 3)
    # The copies of their own source have nothing left to be near to.
    assert report.flagged_without_source == 3
    assert report.shares["other_patient"] == pytest.approx(1 / 3)
    assert report.nearest.slices == report.nearest_without_source.slices == 9
    assert report.nearest.correlation[-1] > 0.97
    assert len(report.nearest.ssim) == len(LEVELS)


@pytest.mark.parametrize("spoil", [{"noise": 30.0}, {"gain": 0.25}])
def test_copies_with_low_ssim_are_flagged_for_their_correlation(training, calibration, spoil):
    found = find_nearest(copies(training.take(slice(0, 3)), **spoil), training)
    assert found.index.tolist() == [0, 1, 2]
    assert calibration.flags(found).all()
    strangers = find_nearest(training, training, other_patients=True)
    assert (found.ssim < strangers.ssim.max()).all()


def test_new_patients_are_hardly_flagged(training, calibration):
    unseen = [align_slices(volume(seed), patient=f"unseen{seed}") for seed in range(100, 104)]
    report = check_replicas(unseen, training, calibration)
    assert report.flagged <= 4
    assert report.own_source == 0
    assert report.flagged == report.flagged_without_source


def test_json_holds_counts_shares_and_distributions(training, calibration):
    report = check_replicas([copies(training.take(slice(0, 3)), "patient0")], training, calibration)
    content = json.loads(report.to_json())
    assert (content["slices"], content["flagged"], content["own_source"]) == (3, 3, 3)
    assert content["shares"]["flagged"] == 1.0
    assert content["calibration"]["quantile"] == 0.9
    assert len(content["quantile_levels"]) == len(content["calibration"]["real"]["correlation"])
    assert content["expected_share"] == report.expected_share


def test_markdown_says_what_was_found_and_how(training, calibration):
    text = render_replicas(check_replicas([copies(training.take(slice(0, 3)), "patient0")], training, calibration))
    assert text.startswith("Of 3 synthetic slices 3 (100.00%) are nearer")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 3 * 3
    assert len({row.count("|") for row in rows}) == 1
    for statement in (f"likeness above {calibration.threshold:.3f}", "90.0% quantile", "96 x 96", "1000 pixels"):
        assert statement in text


def test_a_lone_patient_has_no_one_beside(calibration):
    lone = cohort(1)
    text = render_replicas(check_replicas([lone], lone, calibration))
    assert "| synthetic slices, source left out | SSIM | - |" in text


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: calibrate(cohort(1)), "training"),
        (lambda: calibrate(cohort(2), quantile=1.0), "quantile"),
        (lambda: check_replicas([], cohort(2), calibrate(cohort(2))), "synthetic"),
        (lambda: check_replicas([cohort(2).take(slice(0, 0))], cohort(2), calibrate(cohort(2))), "synthetic"),
        (lambda: check_replicas([align_slices(volume(1)[:, :1], patient="a")], join([cohort(2)]), calibrate(cohort(2))),
         "vectors"),
    ],
)  # fmt: skip
def test_faults_are_typed(make, field):
    with pytest.raises(ReplicaError) as raised:
        make()
    assert raised.value.field == field
