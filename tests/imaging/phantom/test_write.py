from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from imaging.brats import find_cases, load_exam, load_reference
from imaging.labels import LabelScheme
from imaging.modality import Modality
from imaging.phantom import Phantom, write_phantom


@pytest.fixture(scope="module")
def case(ring: Phantom, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_phantom(ring, tmp_path_factory.mktemp("phantoms") / "set")


def test_files_are_named_as_brats_2018_names_them(case: Path) -> None:
    assert case.name == "Phantom_0003"
    assert sorted(path.name for path in case.iterdir()) == sorted(
        f"Phantom_0003_{kind}.nii.gz" for kind in ("t1", "t1ce", "t2", "flair", "seg")
    )


def test_every_header_says_that_it_is_no_patient(case: Path) -> None:
    for path in case.iterdir():
        assert nib.load(path).header["descrip"].item() == b"Synthetic phantom, no patient; glioserve, seed 3"


def test_what_is_read_back_is_the_phantom(case: Path, ring: Phantom) -> None:
    (found,) = find_cases(case.parent)
    assert found.label_scheme is LabelScheme.BRATS_2018
    exam = load_exam(found)
    assert exam.grid.matches(ring.exam.grid, tolerance_mm=0)
    for modality in Modality:
        voxels = exam.volumes[modality].voxels
        assert voxels.dtype == np.int16
        np.testing.assert_array_equal(voxels, ring.exam.volumes[modality].voxels)
    for region, mask in load_reference(found).items():
        np.testing.assert_array_equal(mask, ring.masks[region])


def test_writing_again_gives_the_same_bytes(case: Path, ring: Phantom) -> None:
    path = case / "Phantom_0003_seg.nii.gz"
    before = path.read_bytes()
    write_phantom(ring, case.parent)
    assert path.read_bytes() == before
