"""File names taken apart and put together."""

from __future__ import annotations

import pytest
from glioserve.bids.names import BidsName
from hypothesis import given
from hypothesis import strategies as st

labels = st.text("abcXYZ0129", min_size=1, max_size=5)


@given(st.dictionaries(st.sampled_from(["ses", "acq", "ce", "rec", "run"]), labels), st.sampled_from(["T1w", "FLAIR"]))
def test_names_come_apart_as_they_were_put_together(entities: dict[str, str], suffix: str) -> None:
    stem = "_".join([*(f"{key}-{label}" for key, label in ({"sub": "01"} | entities).items()), suffix])
    for extension in (".nii", ".nii.gz"):
        name = BidsName.parse(stem + extension)
        assert name is not None
        assert dict(name.entities) == {"sub": "01"} | entities
        assert name.suffix == suffix
        assert name.without() == stem


@pytest.mark.parametrize(
    "name",
    [
        "sub-01_T1w.json",
        "T1w.nii.gz",
        "ses-1_sub-01_T1w.nii.gz",
        "sub-01_run_T1w.nii.gz",
        "sub-01_run-1_run-2_T1w.nii.gz",
        "sub-01_.nii.gz",
        "sub-_T1w.nii.gz",
        ".sub-01_T1w.nii.gz",
    ],
)
def test_other_files(name: str) -> None:
    assert BidsName.parse(name) is None


def test_names_of_derivatives() -> None:
    name = BidsName.parse("sub-01_ses-2_ce-gd_run-2_T1w.nii.gz")
    assert name is not None
    assert name.derived("space-orig_label-WT", "mask") == "sub-01_ses-2_ce-gd_run-2_space-orig_label-WT_mask"
    assert name.without("sub", "ses") == "ce-gd_run-2_T1w"
    assert name.run == 2


@pytest.mark.parametrize(("run", "number"), [("_run-01", 1), ("_run-x", 0), ("", 0)])
def test_runs(run: str, number: int) -> None:
    name = BidsName.parse(f"sub-01{run}_T1w.nii")
    assert name is not None
    assert name.run == number
