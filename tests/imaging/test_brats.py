"""BraTS cases by their names, and their labels under a scheme that is declared or certain."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from imaging.brats import (
    BratsAmbiguousError,
    BratsError,
    BratsMissingError,
    BratsNaming,
    BratsNotFoundError,
    SchemeOrigin,
    find_cases,
    load_exam,
    load_reference,
)
from imaging.errors import ExamError, GeometryError, LabelError
from imaging.geometry import Grid
from imaging.labels import LabelScheme
from imaging.modality import Modality
from imaging.nifti import NiftiTruncatedError, write_nifti_file
from imaging.regions import Region
from imaging.volume import Volume

SHAPE = (4, 5, 6)
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
OLD = {Modality.T1: "_t1", Modality.T1CE: "_t1ce", Modality.T2: "_t2", Modality.FLAIR: "_flair"}
NEW = {Modality.T1: "-t1n", Modality.T1CE: "-t1c", Modality.T2: "-t2w", Modality.FLAIR: "-t2f"}


def make_case(folder: Path, case_id: str, *, labels=(0, 1, 2), extension=".nii.gz", without=(), reference=True) -> Path:
    """A case on disk; each modality holds its own constant, the reference one row of each label."""
    folder.mkdir(parents=True, exist_ok=True)
    suffixes = NEW if case_id.startswith("BraTS-") else OLD
    for value, (modality, suffix) in enumerate(suffixes.items(), start=1):
        if modality not in without:
            volume = Volume(np.full(SHAPE, value, np.int16), Grid(SHAPE, LPS))
            write_nifti_file(folder / f"{case_id}{suffix}{extension}", volume)
    if reference:
        write_labels(folder / f"{case_id}{suffixes[Modality.T1][0]}seg{extension}", labels)
    return folder


def write_labels(path: Path, labels, *, shape=SHAPE, affine=LPS) -> None:
    voxels = np.zeros(shape, np.uint8)
    for row, value in enumerate(labels):
        voxels[row % shape[0], row // shape[0]] = value
    write_nifti_file(path, Volume.from_affine(voxels, affine))


@pytest.mark.parametrize(
    ("case_id", "patient_id", "naming", "scheme"),
    [
        ("Brats17_TCIA_105_1", "TCIA_105", BratsNaming.BRATS_2018, LabelScheme.BRATS_2018),
        ("Brats18_TCIA01_425_1", "TCIA01_425", BratsNaming.BRATS_2018, LabelScheme.BRATS_2018),
        ("Brats18_CBICA_AVG_1", "CBICA_AVG", BratsNaming.BRATS_2018, LabelScheme.BRATS_2018),
        ("Phantom_0007", "PHANTOM_0007", BratsNaming.BRATS_2018, LabelScheme.BRATS_2018),
        ("BraTS19_CBICA_AVG_1", "CBICA_AVG", BratsNaming.BRATS_2018, LabelScheme.BRATS_2018),
        ("BraTS20_Training_001", "20_TRAINING_001", BratsNaming.BRATS_2018, LabelScheme.BRATS_2018),
        ("BraTS2021_00002", "00002", BratsNaming.BRATS_2021, LabelScheme.BRATS_2018),
        ("BraTS-GLI-00002-000", "00002", BratsNaming.BRATS_2023, LabelScheme.BRATS_2023),
        ("BraTS-GLI-01234-100", "01234", BratsNaming.BRATS_2023, LabelScheme.BRATS_2023),
        ("BraTS-PED-00002-000", "PED-00002", BratsNaming.BRATS_2023, None),
        ("case_7", "case_7", BratsNaming.PLAIN, None),
    ],
)
def test_names_tell_patient_naming_and_where_certain_the_scheme(tmp_path, case_id, patient_id, naming, scheme):
    (case,) = find_cases(make_case(tmp_path / case_id, case_id))

    assert (case.case_id, case.patient_id, case.naming) == (case_id, patient_id, naming)
    assert case.label_scheme is scheme
    assert case.scheme_origin is (SchemeOrigin.INFERRED if scheme else SchemeOrigin.UNKNOWN)
    assert case.folder == tmp_path / case_id
    assert list(case.files) == list(Modality)
    assert case.reference is not None
    assert [float(volume.voxels.flat[0]) for volume in load_exam(case).volumes.values()] == [1, 2, 3, 4]


def test_a_whole_set_is_found_sorted_in_nested_folders_and_flat_ones(tmp_path):
    make_case(tmp_path / "LGG" / "Brats18_2013_9_1", "Brats18_2013_9_1")
    make_case(tmp_path / "HGG" / "Brats18_2013_3_1", "Brats18_2013_3_1", extension=".nii")
    make_case(tmp_path / "flat", "BraTS-GLI-00001-000")
    make_case(tmp_path / "flat", "BraTS-GLI-00001-001", reference=False)

    cases = find_cases(tmp_path)
    assert [case.case_id for case in cases] == [
        "BraTS-GLI-00001-000", "BraTS-GLI-00001-001", "Brats18_2013_3_1", "Brats18_2013_9_1",
    ]  # fmt: skip
    assert cases == find_cases(tmp_path)
    assert [case.reference is None for case in cases] == [False, True, False, False]


def test_time_points_and_years_of_one_patient_have_one_patient_id(tmp_path):
    for case_id in ("BraTS-GLI-00002-000", "BraTS-GLI-00002-101", "BraTS2021_00002"):
        make_case(tmp_path / case_id, case_id)

    assert {case.patient_id for case in find_cases(tmp_path)} == {"00002"}


def test_other_files_and_hidden_ones_are_passed_over(tmp_path):
    folder = make_case(tmp_path, "BraTS2021_00002")
    for name in ("._BraTS2021_00002_t1.nii.gz", "notes.txt", "BraTS2021_00002_brain.nii.gz", "BraTS2021_00002_t1.json"):
        (folder / name).write_text("x")

    assert len(find_cases(tmp_path)) == 1


def test_linked_folders_are_followed_once_though_links_form_a_ring(tmp_path):
    make_case(tmp_path / "store" / "BraTS2021_00002", "BraTS2021_00002")
    split = tmp_path / "split"
    split.mkdir()
    (split / "case").symlink_to(tmp_path / "store" / "BraTS2021_00002")
    (split / "ring").symlink_to(split)

    assert [case.case_id for case in find_cases(split)] == ["BraTS2021_00002"]


def test_a_folder_without_cases_is_an_error_of_its_own(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(BratsNotFoundError) as caught:
            find_cases(folder)
        assert caught.value.folder == folder
        assert tmp_path.name not in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_a_folder_that_can_not_be_read_is_not_passed_over(tmp_path):
    make_case(tmp_path / "a", "BraTS2021_00002")
    (tmp_path / "b").mkdir(mode=0)
    with pytest.raises(PermissionError):
        find_cases(tmp_path)


def test_a_missing_modality_is_named_and_its_folder_known(tmp_path):
    folder = make_case(tmp_path / "BraTS2021_00002", "BraTS2021_00002", without=(Modality.T1CE, Modality.FLAIR))
    with pytest.raises(BratsMissingError, match="without t1ce, flair") as caught:
        find_cases(tmp_path)

    assert caught.value.field == "t1ce"
    assert caught.value.folder == folder
    assert "00002" not in str(caught.value)


def test_one_modality_in_two_files_is_ambiguous(tmp_path):
    make_case(tmp_path, "BraTS2021_00002")
    make_case(tmp_path, "BraTS2021_00002", extension=".nii")
    with pytest.raises(BratsAmbiguousError, match="one file per case"):
        find_cases(tmp_path)


def test_one_case_in_two_folders_is_ambiguous(tmp_path):
    make_case(tmp_path / "HGG", "Brats18_2013_3_1")
    make_case(tmp_path / "copy", "Brats18_2013_3_1")
    with pytest.raises(BratsAmbiguousError, match="the same case in two"):
        find_cases(tmp_path)


def test_errors_of_a_folder_have_one_base():
    assert {BratsNotFoundError, BratsMissingError, BratsAmbiguousError} == set(BratsError.__subclasses__())


def counts(case) -> dict[Region, int]:
    return {region: int(mask.sum()) // SHAPE[2] for region, mask in load_reference(case).items()}


def test_a_4_is_enhancing_tumour_in_2018_and_2021(tmp_path):
    for case_id in ("Brats18_2013_3_1", "BraTS2021_00002"):
        (case,) = find_cases(make_case(tmp_path / case_id, case_id, labels=(1, 2, 2, 4)))
        assert counts(case) == {Region.WT: 4, Region.TC: 2, Region.ET: 1}


@pytest.mark.parametrize("case_id", ["Brats18_2013_3_1", "BraTS2021_00002"])
def test_a_3_in_2018_and_2021_is_refused(tmp_path, case_id):
    (case,) = find_cases(make_case(tmp_path, case_id, labels=(1, 2, 3)))
    with pytest.raises(LabelError, match=r"also \[3\]"):
        load_reference(case)


def test_the_names_of_2023_and_2024_are_read_where_both_years_agree(tmp_path):
    (case,) = find_cases(make_case(tmp_path, "BraTS-GLI-00002-000", labels=(1, 2, 2, 3)))

    assert counts(case) == {Region.WT: 4, Region.TC: 2, Region.ET: 1}


def test_a_4_under_names_of_2023_and_2024_needs_a_declared_scheme(tmp_path):
    make_case(tmp_path, "BraTS-GLI-02073-100", labels=(1, 2, 2, 3, 4))
    with pytest.raises(LabelError, match=r"also \[4\]") as caught:
        load_reference(find_cases(tmp_path)[0])
    assert caught.value.field == "reference"

    (declared,) = find_cases(tmp_path, label_scheme=LabelScheme.BRATS_2024_POST_TREATMENT)
    assert declared.scheme_origin is SchemeOrigin.DECLARED
    assert counts(declared) == {Region.WT: 4, Region.TC: 2, Region.ET: 1}


@pytest.mark.parametrize("case_id", ["BraTS-PED-00002-000", "case_7"])
def test_labels_under_other_names_are_not_read_until_a_scheme_is_declared(tmp_path, case_id):
    make_case(tmp_path, case_id, labels=(1, 2, 3, 4))
    with pytest.raises(LabelError, match="must be declared") as caught:
        load_reference(find_cases(tmp_path)[0])
    assert caught.value.field == "label_scheme"

    (declared,) = find_cases(tmp_path, label_scheme=LabelScheme.BRATS_PEDIATRIC)
    assert counts(declared) == {Region.WT: 3, Region.TC: 2, Region.ET: 1}


def test_a_declared_scheme_counts_before_the_names(tmp_path):
    make_case(tmp_path, "BraTS2021_00002", labels=(1, 2, 3))
    (case,) = find_cases(tmp_path, label_scheme=LabelScheme.MSD)

    assert (case.label_scheme, case.scheme_origin) == (LabelScheme.MSD, SchemeOrigin.DECLARED)
    assert counts(case) == {Region.WT: 3, Region.TC: 2, Region.ET: 1}


def test_a_case_without_reference_has_an_exam_only(tmp_path):
    (case,) = find_cases(make_case(tmp_path, "BraTS2021_00002", reference=False))

    assert load_exam(case).grid.shape == SHAPE
    with pytest.raises(BratsMissingError, match="reference"):
        load_reference(case)


@pytest.mark.parametrize(("shape", "affine"), [(SHAPE, np.eye(4)), ((4, 5, 7), LPS)])
def test_a_reference_on_another_grid_is_refused(tmp_path, shape, affine):
    make_case(tmp_path, "BraTS2021_00002")
    write_labels(tmp_path / "BraTS2021_00002_seg.nii.gz", (1, 2), shape=shape, affine=affine)
    with pytest.raises(GeometryError, match="reference: must lie on the exam's grid"):
        load_reference(find_cases(tmp_path)[0])


def test_faults_of_files_are_told_by_modality(tmp_path):
    make_case(tmp_path, "BraTS2021_00002")
    path = tmp_path / "BraTS2021_00002_t2.nii.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(NiftiTruncatedError) as caught:
        load_exam(find_cases(tmp_path)[0])
    assert caught.value.field == "t2"

    path.write_bytes((tmp_path / "BraTS2021_00002_t1.nii.gz").read_bytes())
    with pytest.raises(ExamError, match="the same voxels"):
        load_exam(find_cases(tmp_path)[0])


@pytest.mark.patients
@pytest.mark.skipif("GLIOSERVE_BRATS_DIR" not in os.environ, reason="GLIOSERVE_BRATS_DIR is not set")
def test_real_patients_of_both_years():
    cases = find_cases(Path(os.environ["GLIOSERVE_BRATS_DIR"]))
    by_naming = {case.naming: case for case in cases}

    assert len({case.patient_id for case in cases}) == len(cases)
    for naming in (BratsNaming.BRATS_2018, BratsNaming.BRATS_2021):
        case = by_naming[naming]
        exam, masks = load_exam(case), load_reference(case)
        assert list(exam.volumes) == list(Modality)
        assert exam.grid.axis_codes == "LPS"
        assert masks[Region.WT].shape == exam.grid.shape == (240, 240, 155)
        assert masks[Region.WT].sum() >= masks[Region.TC].sum() >= masks[Region.ET].sum()
        brain = exam.volumes[Modality.FLAIR].voxels > 0
        assert (masks[Region.WT] & brain).sum() > 0.95 * masks[Region.WT].sum() > 0
