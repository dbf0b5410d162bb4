from __future__ import annotations

import json

import numpy as np
import pytest

from export.errors import TuneError
from export.tune.gate import DscBounds, DscGateReport, judge, patient_dsc
from imaging.regions import Region

NOTHING = np.zeros((2, 2, 2), dtype=bool)


def scores(**changed: float) -> dict[Region, float]:
    return {region: changed.get(region.value, 0.8) for region in Region}


def report(
    *pairs: tuple[dict[Region, float], dict[Region, float]], golden_faults: tuple[Region, ...] = ()
) -> DscGateReport:
    return judge(pairs, numbers="openvino bf16", reference="onnxruntime fp32", golden_faults=golden_faults)


def test_a_mean_that_hardly_changes_passes_though_single_patients_change_more() -> None:
    found = report((scores(), scores(et=0.81)), (scores(), scores(et=0.79)))
    assert found.passed
    assert found.regions[Region.ET].mean_change == pytest.approx(0)
    assert found.regions[Region.ET].largest_change == pytest.approx(0.01)
    assert found.regions[Region.ET].reference == pytest.approx(0.8)


@pytest.mark.parametrize("change", [-0.0011, 0.0011, float("nan")])
def test_a_mean_that_changes_in_either_direction_fails_in_that_region_alone(change: float) -> None:
    found = report((scores(), scores(tc=0.8 + change)))
    assert not found.passed
    assert found.faults == (Region.TC,)


def test_the_bound_itself_is_too_much() -> None:
    pairs = [(scores(wt=0.5), scores(wt=0.75))]
    assert judge(pairs, numbers="n", reference="r", bounds=DscBounds(0.25)).faults == (Region.WT,)
    assert judge(pairs, numbers="n", reference="r", bounds=DscBounds(0.26)).passed


def test_what_no_server_would_call_ready_does_not_pass() -> None:
    found = report((scores(), scores()), golden_faults=(Region.TC,))
    assert found.faults == (Region.TC,)
    assert not found.passed
    assert "golden slices of TC answered otherwise" in found.summary


def test_no_patient_is_no_gate() -> None:
    with pytest.raises(TuneError, match="patients: must be at least one"):
        report()


def test_the_record_tells_bounds_verdict_and_every_region() -> None:
    told = json.loads(report((scores(), scores(et=0.5))).to_json())
    assert told["passed"] is False
    assert told["bounds"] == {"mean_change": 1e-3}
    assert told["patients"] == 1
    assert told["regions"]["et"]["mean_change"] == pytest.approx(-0.3)
    assert told["regions"].keys() == {"wt", "tc", "et"}


def test_two_empty_masks_agree_and_a_finding_where_nothing_is_counts_in_full() -> None:
    something = NOTHING.copy()
    something[0, 0, 0] = True
    empty, full = dict.fromkeys(Region, NOTHING), dict.fromkeys(Region, something)
    assert set(patient_dsc(empty, empty).values()) == {1.0}
    assert set(patient_dsc(full, empty).values()) == {0.0}
    assert set(patient_dsc(full, full).values()) == {1.0}
