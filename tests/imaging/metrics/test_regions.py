from __future__ import annotations

import dataclasses
import math
from enum import StrEnum

import numpy as np
import pytest
from glioserve.v1 import types_pb2

from imaging.errors import MetricError
from imaging.metrics.hd95 import Hd95Definition, compute_hd95_mm
from imaging.metrics.overlap import SpecificityDomain
from imaging.metrics.policy import EmptyMaskPolicy, MetricStatus
from imaging.metrics.regions import MetricConventions, RegionMetrics, compare
from imaging.regions import Region
from tests.imaging.metrics.masks import box, tumour

SHAPE = (24, 20, 16)
SPACING_MM = (1.0, 1.5, 2.0)
EMPTY = np.zeros(SHAPE, bool)
LUMP = box(SHAPE, (4, 4, 4), (8, 8, 8))
CORE = box(SHAPE, (6, 6, 6), (4, 4, 4))


def regions(wt, tc, et):
    return {Region.WT: wt, Region.TC: tc, Region.ET: et}


def test_defaults():
    assert MetricConventions() == MetricConventions(
        Hd95Definition.POOLED, EmptyMaskPolicy.LEGACY, SpecificityDomain.IMAGE
    )


@pytest.mark.parametrize("definition", list(Hd95Definition))
def test_each_region_by_the_declared_definition(definition):
    prediction = regions(tumour(1, SHAPE), LUMP, CORE)
    reference = regions(tumour(2, SHAPE), CORE, box(SHAPE, (6, 6, 6), (4, 4, 2)))
    got = compare(
        prediction, reference, spacing_mm=SPACING_MM, conventions=MetricConventions(hd95_definition=definition)
    )
    assert list(got) == list(Region)
    for region, metrics in got.items():
        assert metrics.region is region
        assert metrics.status is MetricStatus.COMPUTED
        assert metrics.hd95_mm == compute_hd95_mm(
            prediction[region], reference[region], spacing_mm=SPACING_MM, definition=definition
        )
    assert got[Region.TC].dsc == 2 * 64 / (512 + 64)
    assert got[Region.TC].sensitivity == 1.0
    assert got[Region.TC].specificity == pytest.approx(1 - (512 - 64) / (EMPTY.size - 64))
    assert got[Region.ET].dsc == 2 * 32 / (64 + 32)


def test_a_subset_of_regions_in_their_order():
    masks = {Region.ET: CORE, Region.WT: LUMP}
    got = compare(masks, masks, spacing_mm=SPACING_MM, conventions=MetricConventions())
    assert got == {
        region: RegionMetrics(region, 1.0, 0.0, 1.0, 1.0, MetricStatus.COMPUTED) for region in (Region.WT, Region.ET)
    }
    assert list(got) == [Region.WT, Region.ET]


@pytest.mark.parametrize("policy", list(EmptyMaskPolicy))
def test_empty_masks_get_the_policys_values_and_a_status(policy):
    got = compare(
        regions(LUMP, EMPTY, EMPTY),
        regions(EMPTY, LUMP, EMPTY),
        spacing_mm=SPACING_MM,
        conventions=MetricConventions(empty_mask_policy=policy),
    )
    statuses = {
        Region.WT: MetricStatus.REFERENCE_EMPTY,
        Region.TC: MetricStatus.PREDICTION_EMPTY,
        Region.ET: MetricStatus.BOTH_EMPTY,
    }
    # By equation 6, wherever the policy leaves it to it.
    specificities = {Region.WT: 1 - 512 / EMPTY.size, Region.TC: 1.0, Region.ET: 1.0}
    for region, status in statuses.items():
        values = policy.values(status)
        specificity = specificities[region] if values.specificity is None else math.nan
        assert dataclasses.astuple(got[region])[1:-1] == pytest.approx(
            (values.dsc, values.hd95_mm, values.sensitivity, specificity), nan_ok=True
        )
        assert got[region].status is status


def test_the_brain_domain_changes_specificity_alone():
    brain = box(SHAPE, (2, 2, 2), (12, 12, 12))
    prediction, reference = {Region.WT: LUMP}, {Region.WT: CORE}
    image, in_brain = (
        compare(
            prediction,
            reference,
            spacing_mm=SPACING_MM,
            conventions=MetricConventions(specificity_domain=domain),
            brain=brain,
        )[Region.WT]
        for domain in SpecificityDomain
    )
    assert in_brain.specificity == pytest.approx(1 - (512 - 64) / (12**3 - 64))
    assert image.specificity == pytest.approx(1 - (512 - 64) / (EMPTY.size - 64))
    assert dataclasses.replace(in_brain, specificity=image.specificity) == image


WT = {Region.WT: LUMP}


@pytest.mark.parametrize(
    ("prediction", "reference", "changes", "field"),
    [
        (WT, {**WT, Region.ET: CORE}, {}, "prediction"),
        ({}, {}, {}, "prediction"),
        ({Region.WT: LUMP.astype(np.uint8)}, WT, {}, "prediction"),
        ({Region.WT: LUMP[1:]}, WT, {}, "prediction"),
        # Also where no distance is taken.
        ({Region.WT: EMPTY}, WT, {"spacing_mm": (1.0, 1.0)}, "spacing_mm"),
        (WT, WT, {"conventions": MetricConventions(specificity_domain=SpecificityDomain.BRAIN)}, "brain"),
        (
            WT,
            WT,
            {"conventions": MetricConventions(specificity_domain=SpecificityDomain.BRAIN), "brain": EMPTY},
            "brain",
        ),
    ],
)
def test_faults_are_typed(prediction, reference, changes, field):
    arguments = {"spacing_mm": SPACING_MM, "conventions": MetricConventions(), **changes}
    with pytest.raises(MetricError) as raised:
        compare(prediction, reference, **arguments)
    assert raised.value.field == field


@pytest.mark.parametrize(
    ("ours", "prefix", "theirs"),
    [
        (Hd95Definition, "HD95_DEFINITION_", types_pb2.Hd95Definition),
        (EmptyMaskPolicy, "EMPTY_MASK_POLICY_", types_pb2.EmptyMaskPolicy),
        (SpecificityDomain, "SPECIFICITY_DOMAIN_", types_pb2.SpecificityDomain),
        (MetricStatus, "METRIC_STATUS_", types_pb2.MetricStatus),
    ],
)
def test_the_contracts_enums_have_the_same_names(ours: type[StrEnum], prefix, theirs):
    assert {f"{prefix}{member.name}" for member in ours} | {f"{prefix}UNSPECIFIED"} == set(theirs.keys())
    assert all(member.value == member.name.lower() for member in ours)
