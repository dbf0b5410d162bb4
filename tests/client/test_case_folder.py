"""Which files of a folder are the exam, and when a reference is used."""

from __future__ import annotations

from pathlib import Path

import glioserve as gs
import numpy as np
import pytest
from glioserve.case_folder import CONTRADICTED_WARNING, INFERRED_NOTE, UNDECLARED_WARNING

from tests.client import exams
from tests.client.exams import BRATS_2018_SUFFIX, BRATS_2023_SUFFIX, labels, nifti_bytes, write_case


@pytest.mark.parametrize("suffix", [BRATS_2018_SUFFIX, BRATS_2023_SUFFIX], ids=["2018", "2023"])
def test_both_ways_of_naming(tmp_path: Path, suffix: dict[str, str]) -> None:
    found = gs.find_case(write_case(tmp_path, suffix=suffix))
    for modality in gs.Modality:
        assert found.exam.path(modality).name == f"Jane_Doe_1970{suffix[modality.value]}.nii.gz"
    assert (found.reference, found.notes, found.warnings) == (None, (), ())


def test_t1_is_not_taken_for_t1ce_and_case_of_letters_is_none(tmp_path: Path) -> None:
    for name in ("X_T1.nii", "X_T1CE.NII", "X_t2.nii.gz", "X_Flair.nii.gz"):
        (tmp_path / name).touch()
    found = gs.find_case(str(tmp_path))
    assert (found.exam.t1.name, found.exam.t1ce.name) == ("X_T1.nii", "X_T1CE.NII")


def test_other_files_are_ignored(case_dir: Path) -> None:
    for name in (
        ".Jane_Doe_1970_t1.nii.gz",
        "Jane_Doe_1970_t1.json",
        "notes_t1.txt",
        "survival.csv",
        "Jane_Doe_1970_t1c.nii",
    ):
        (case_dir / name).touch()
    (case_dir / "deep_t1.nii.gz").mkdir()
    assert gs.find_case(case_dir).exam.t1.name == "Jane_Doe_1970_t1.nii.gz"


def test_a_missing_contrast(case_dir: Path) -> None:
    (case_dir / "Jane_Doe_1970_t1ce.nii.gz").unlink()
    with pytest.raises(gs.MissingModalityError) as caught:
        gs.find_case(case_dir)
    assert caught.value.field == "t1ce"
    assert "*_t1ce.nii[.gz] or *-t1c.nii[.gz]" in caught.value.rule
    assert "3 files" in caught.value.got
    assert "Jane" not in str(caught.value)


def test_two_files_for_one_contrast(case_dir: Path) -> None:
    (case_dir / "Jane_Doe_1970_t2.nii").touch()
    with pytest.raises(gs.AmbiguousModalityError, match="t2: must be one file"):
        gs.find_case(case_dir)


def test_files_of_two_cases(case_dir: Path) -> None:
    (case_dir / "Jane_Doe_1970_t2.nii.gz").rename(case_dir / "John_Doe_1971_t2.nii.gz")
    with pytest.raises(gs.AmbiguousModalityError, match="one case, got files of 2"):
        gs.find_case(case_dir)


@pytest.mark.parametrize("name", ["none", "file"])
def test_what_is_no_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(gs.LocalInputError, match="case_dir"):
        gs.find_case(tmp_path / name)


def test_a_reference_named_as_in_2018_whose_values_agree_is_used_and_said(scored_dir: Path) -> None:
    found = gs.find_case(scored_dir)
    assert found.reference == gs.Reference(scored_dir / "Jane_Doe_1970_seg.nii.gz", gs.LabelScheme.BRATS_2018)
    assert (found.notes, found.warnings) == ((INFERRED_NOTE,), ())


def test_a_reference_whose_values_disagree_is_not_used(tmp_path: Path) -> None:
    found = gs.find_case(write_case(tmp_path, reference=labels(gs.LabelScheme.BRATS_2023)))
    assert (found.reference, found.notes, found.warnings) == (None, (), (CONTRADICTED_WARNING,))


def test_a_reference_named_as_in_2023_is_used_if_its_scheme_is_declared(tmp_path: Path) -> None:
    folder = write_case(tmp_path, suffix=BRATS_2023_SUFFIX, reference=labels(gs.LabelScheme.BRATS_2023))
    undeclared = gs.find_case(folder)
    assert (undeclared.reference, undeclared.warnings) == (None, (UNDECLARED_WARNING,))
    declared = gs.find_case(folder, reference_label_scheme=gs.LabelScheme.BRATS_2024_POST_TREATMENT)
    assert declared.reference is not None
    assert declared.reference.label_scheme is gs.LabelScheme.BRATS_2024_POST_TREATMENT
    assert declared.warnings == ()


def test_a_scheme_without_a_reference(case_dir: Path) -> None:
    with pytest.raises(gs.LocalInputError, match="a folder without one"):
        gs.find_case(case_dir, reference_label_scheme=gs.LabelScheme.MSD)


CUT_OFF = nifti_bytes(np.zeros((9, 9, 9), np.uint8))[:-99]
BROKEN_GZIP = exams.nifti_gz(labels())[:60] + bytes(40)


@pytest.mark.parametrize("content", [b"", b"no NIfTI", b"\x1f\x8bno gzip", BROKEN_GZIP, CUT_OFF])
def test_a_reference_that_can_not_be_read(case_dir: Path, content: bytes) -> None:
    (case_dir / "Jane_Doe_1970_seg.nii.gz").write_bytes(content)
    with pytest.raises(gs.LocalInputError) as caught:
        gs.find_case(case_dir)
    assert caught.value.field == "reference"
