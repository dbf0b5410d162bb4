"""Real exams: nothing is refused, and names that are exchanged are noticed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path

import pytest

from imaging.brats import BratsCase, find_cases
from imaging.casecheck.check import check_case
from imaging.casecheck.contrast import check_contrast_order
from imaging.casecheck.files import read_case
from imaging.casecheck.look import Look
from imaging.modality import Modality
from imaging.nifti.limits import DEFAULT_LIMITS
from imaging.raw_exam import RawExam
from tests.imaging.casecheck.heads import NEEDS, told

PARTIAL_FLAIR = "Brats18_2013_20_1"
"""Its FLAIR shows two thirds of the brain."""


def cases() -> Iterator[BratsCase]:
    if root := os.environ.get("GLIOSERVE_BRATS_DIR"):
        yield from find_cases(Path(root))


def read(files: Mapping[Modality, Path]) -> Mapping[Modality, bytes]:
    return {modality: path.read_bytes() for modality, path in files.items()}


@pytest.mark.patients
@pytest.mark.skipif("GLIOSERVE_BRATS_DIR" not in os.environ, reason="GLIOSERVE_BRATS_DIR is not set")
def test_patients_of_brats_are_clean_and_exchanged_names_are_found() -> None:
    found, missed = {}, []
    for case in cases():
        images = read_case(read(case.files).items(), limits=DEFAULT_LIMITS)
        report = images.check(needs=NEEDS)
        assert report.aligned
        assert report.skull_stripped
        if report.findings:
            found[case.case_id] = told(report)
        volumes = {modality: image.volume for modality, image in images.images.items()}
        for one, other in combinations(Modality, 2):
            names = {modality: modality for modality in Modality} | {one: other, other: one}
            looks = {name: Look(name, volumes[holds], None) for name, holds in names.items()}
            findings = list(check_contrast_order(looks))
            expected = Modality.T2 in (one, other)
            if {each.field for each in findings} != {one, other} or any(each.refuses != expected for each in findings):
                missed.append((case.case_id, one.value, other.value))
    assert found == {PARTIAL_FLAIR: {"warn coverage flair"}}
    assert missed == []


@pytest.mark.patients
@pytest.mark.skipif("GLIOSERVE_RAW_DIR" not in os.environ, reason="GLIOSERVE_RAW_DIR is not set")
def test_a_clinical_exam_has_warnings_alone() -> None:
    folder = Path(os.environ["GLIOSERVE_RAW_DIR"]) / "TCGA-FG-6692"
    files = read({modality: folder / f"native_{modality.value}.nii.gz" for modality in Modality})
    images = read_case(files.items(), limits=DEFAULT_LIMITS)
    report = images.check(needs=NEEDS)
    assert told(report) == {
        "warn skull exam",
        "warn grids t2",
        "warn grids flair",
        *(f"warn {rule} {modality}" for rule in ("slice_thickness", "anisotropy", "oblique") for modality in Modality),
    }
    assert not report.aligned
    assert len(report.possible) == 3
    volumes = {modality: image.volume for modality, image in images.images.items()}
    exchanged = {**volumes, Modality.T1: volumes[Modality.T2], Modality.T2: volumes[Modality.T1]}
    swapped = check_case(RawExam(exchanged), needs=NEEDS, facts={})
    assert not swapped.refused
    assert "contrast_order" in {finding.rule for finding in swapped.findings}
