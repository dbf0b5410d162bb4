"""Label schemes: the trap that harms patients."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from imaging.errors import LabelError
from imaging.labels import LabelScheme
from imaging.regions import Region, Tissue

WT, TC, ET = frozenset({Region.WT}), frozenset({Region.WT, Region.TC}), frozenset(Region)
NOTHING: frozenset[Region] = frozenset()

# Each row: the scheme, and the regions that each of its label values belongs to.
TABLE = {
    LabelScheme.BRATS_2018: {0: NOTHING, 1: TC, 2: WT, 4: ET},
    LabelScheme.BRATS_2023: {0: NOTHING, 1: TC, 2: WT, 3: ET},
    LabelScheme.BRATS_2024_POST_TREATMENT: {0: NOTHING, 1: TC, 2: WT, 3: ET, 4: NOTHING},
    LabelScheme.BRATS_PEDIATRIC: {0: NOTHING, 1: ET, 2: TC, 3: NOTHING, 4: WT},
    LabelScheme.MSD: {0: NOTHING, 1: WT, 2: TC, 3: ET},
}


def test_the_table_has_every_scheme():
    assert set(TABLE) == set(LabelScheme)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, np.float32, np.float64])
@pytest.mark.parametrize("scheme", LabelScheme)
def test_each_value_means_its_tissue(scheme, dtype):
    for value, expected in TABLE[scheme].items():
        masks = scheme.to_regions(np.full((1, 2, 3), value, dtype))
        assert {region for region, mask in masks.items() if mask.all()} == expected
        assert {region for region, mask in masks.items() if mask.any()} == expected
        assert all(mask.dtype == np.bool_ and mask.shape == (1, 2, 3) for mask in masks.values())


@pytest.mark.parametrize(("scheme", "value"), [(scheme, v) for scheme in LabelScheme for v in range(-1, 7)])
def test_strangers_are_refused_and_named(scheme, value):
    labels = np.zeros((2, 2, 2), np.int16)
    labels[1, 1, 1] = value
    if value in TABLE[scheme]:
        assert scheme.to_regions(labels)[Region.WT].sum() == (Region.WT in TABLE[scheme][value])
        return
    with pytest.raises(LabelError, match=f"scheme {scheme.value}, got also \\[{value}\\]") as caught:
        scheme.to_regions(labels, field="reference")
    assert caught.value.field == "reference"


@pytest.mark.parametrize("value", [0.5, np.nan, np.inf, 4.0001])
def test_values_between_labels_are_strangers(value):
    with pytest.raises(LabelError):
        LabelScheme.BRATS_2018.to_regions(np.array([0.0, value]))


def test_many_strangers_are_told_in_short():
    with pytest.raises(LabelError, match=r"\[5, 6, 7, 8, 9\] and more"):
        LabelScheme.BRATS_2018.to_regions(np.arange(5, 100))


def test_a_4_is_never_enhancing_tumour_unless_the_scheme_says_so():
    labels = np.array([1, 2, 3, 4])

    assert LabelScheme.BRATS_2024_POST_TREATMENT.to_regions(labels)[Region.ET].tolist() == [False, False, True, False]
    with pytest.raises(LabelError):
        LabelScheme.BRATS_2018.to_regions(labels)
    with pytest.raises(LabelError):
        LabelScheme.BRATS_2023.to_regions(labels)


@given(
    scheme=st.sampled_from(LabelScheme),
    tissue=hnp.arrays(np.uint8, hnp.array_shapes(min_dims=3, max_dims=3, max_side=5), elements=st.integers(0, 3)),
)
@settings(deadline=None, max_examples=100)
def test_regions_survive_the_way_through_labels(scheme, tissue):
    masks = {Region.WT: tissue > 0, Region.TC: tissue > 1, Region.ET: tissue > 2}
    labels = scheme.from_regions(masks)
    restored = scheme.to_regions(labels)

    assert labels.dtype == np.uint8
    assert all(np.array_equal(restored[region], masks[region]) for region in Region)


@given(scheme=st.sampled_from(LabelScheme), data=st.data())
@settings(deadline=None, max_examples=100)
def test_labels_of_tumour_survive_the_way_through_regions(scheme, data):
    tumour = [0, *(scheme.values[tissue] for tissue in (Tissue.NCR, Tissue.ED, Tissue.ET))]
    labels = data.draw(hnp.arrays(np.uint8, (2, 3, 4), elements=st.sampled_from(tumour)))

    assert np.array_equal(scheme.from_regions(scheme.to_regions(labels)), labels)


@pytest.mark.parametrize("loose", [Region.TC, Region.ET])
def test_masks_that_are_not_nested_are_refused(loose):
    masks = {region: np.zeros((2, 2, 2), np.bool_) for region in Region}
    masks[loose][0, 0, 0] = True
    with pytest.raises(LabelError, match=r"must be nested.*1 voxels outside"):
        LabelScheme.BRATS_2018.from_regions(masks)


def test_masks_of_unlike_shapes_are_refused():
    masks = {Region.WT: np.ones((2, 2, 2), np.bool_), Region.TC: np.ones(2, np.bool_), Region.ET: np.ones(2, np.bool_)}
    with pytest.raises(LabelError, match="one shape"):
        LabelScheme.BRATS_2018.from_regions(masks)


@pytest.mark.parametrize("scheme", LabelScheme)
def test_a_scheme_is_found_by_its_name_in_any_case(scheme):
    assert LabelScheme.parse(f" {scheme.value.upper()} ") is scheme


def test_an_unknown_scheme_is_refused_with_the_known_ones():
    with pytest.raises(LabelError, match=r"must be one of brats2018, .*'auto'"):
        LabelScheme.parse("auto")


def test_the_values_of_a_scheme_can_not_be_changed():
    with pytest.raises(TypeError):
        LabelScheme.MSD.values[Tissue.ET] = 4
