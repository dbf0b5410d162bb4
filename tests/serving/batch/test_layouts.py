"""Names and places of a cohort's files."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.labels import LabelScheme
from imaging.modality import Modality
from serving.batch.layouts import RULES, layout_of
from serving.batch.spec import Layout

LAYOUTS = st.sampled_from(list(Layout))
PATHS = {
    Layout.BRATS_2018: (
        "Brats18_SYN_00007_1/Brats18_SYN_00007_1_t1ce.nii.gz",
        "Brats18_SYN_00007_1/Brats18_SYN_00007_1_seg.nii.gz",
        LabelScheme.BRATS_2018,
    ),
    Layout.BRATS_2023: (
        "BraTS-SYN-00007-000/BraTS-SYN-00007-000-t1c.nii.gz",
        "BraTS-SYN-00007-000/BraTS-SYN-00007-000-seg.nii.gz",
        LabelScheme.BRATS_2023,
    ),
    Layout.NNUNET_RAW: ("imagesTr/synthetic_00007_0001.nii.gz", "labelsTr/synthetic_00007.nii.gz", LabelScheme.MSD),
}


@pytest.mark.parametrize("layout", Layout)
def test_paths(layout: Layout) -> None:
    rules, (t1ce, labels, scheme) = RULES[layout], PATHS[layout]
    case_id = rules.case_id(7)
    assert rules.volume_paths(case_id, tuple(Modality))[Modality.T1CE] == t1ce
    assert (rules.label_path(case_id), rules.scheme) == (labels, scheme)


def test_the_order_of_contrasts_numbers_the_channels_of_nnunet() -> None:
    rules = RULES[Layout.NNUNET_RAW]
    assert rules.volume_paths("synthetic_00000", (Modality.FLAIR, Modality.T1)) == {
        Modality.FLAIR: "imagesTr/synthetic_00000_0000.nii.gz",
        Modality.T1: "imagesTr/synthetic_00000_0001.nii.gz",
    }


@given(layout=LAYOUTS, index=st.integers(0, 10**7))
def test_a_name_tells_its_index_and_its_layout(layout: Layout, index: int) -> None:
    case_id = RULES[layout].case_id(index)
    assert RULES[layout].index_of(case_id) == index
    assert layout_of(case_id) is layout
    assert re.search("syn", case_id, re.IGNORECASE)


@given(layout=LAYOUTS, one=st.integers(0, 10**6), other=st.integers(0, 10**6))
def test_no_two_cases_share_a_file(layout: Layout, one: int, other: int) -> None:
    rules = RULES[layout]
    paths = [
        {*rules.volume_paths(rules.case_id(index), tuple(Modality)).values(), rules.label_path(rules.case_id(index))}
        for index in (one, other)
    ]
    assert len(paths[0]) == 5
    assert (paths[0] == paths[1]) if one == other else not paths[0] & paths[1]


@pytest.mark.parametrize(
    "name",
    ["", "BraTS-GLI-00007-000", "BraTS-SYN-7-000", "BraTS-SYN-00007-000x", "synthetic_000007", "synthetic_-0007"],
)
def test_other_names_are_no_case(name: str) -> None:
    assert layout_of(name) is None
