"""Files that are read and written here: whole ones only."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import glioserve as gs
import nibabel as nib
import numpy as np
import pytest
from glioserve.atomic import make_folder, write_atomic
from glioserve.nifti import read_array, read_grid, read_volume

from tests.client import exams


def test_a_file_replaces_another_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    for data in (b"first", b"second"):
        write_atomic(path, data)
        assert path.read_bytes() == data
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "a.bin"
    path.write_bytes(b"first")
    monkeypatch.setattr("glioserve.atomic.os.fsync", full)
    with pytest.raises(gs.OutputError, match="No space left"):
        write_atomic(path, b"second")
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


def test_folders_that_can_not_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(gs.OutputError, match="can't be made"):
        make_folder(tmp_path / "file" / "folder")
    with pytest.raises(gs.OutputError, match="can't be written"):
        write_atomic(tmp_path / "none" / "a.bin", b"")
    monkeypatch.setattr("glioserve.atomic.os.access", lambda *_: False)  # root may write anywhere
    with pytest.raises(gs.OutputError, match="can't be written to"):
        make_folder(tmp_path)


def test_a_label_map_is_saved_as_its_name_says(tmp_path: Path) -> None:
    labels = gs.LabelMap(exams.nifti_gz(exams.labels()), gs.LabelScheme.BRATS_2018)
    for name in ("a.nii", "a.nii.gz"):
        labels.save(tmp_path / name)
        image = nib.load(tmp_path / name)
        assert np.array_equal(np.asarray(image.dataobj), exams.labels())
        assert np.array_equal(image.affine, exams.AFFINE)
    assert (tmp_path / "a.nii").read_bytes()[:2] != b"\x1f\x8b"
    with pytest.raises(gs.OutputError, match=r"\.nii\.gz or \.nii"):
        labels.save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="read-only"):
        labels.array[0, 0, 0] = 1


def test_nifti_2_and_files_named_otherwise_are_read(tmp_path: Path) -> None:
    path = tmp_path / "second.nii"
    nib.Nifti2Image(exams.labels(), exams.AFFINE).to_filename(path)
    misnamed = tmp_path / "misnamed.nii"
    misnamed.write_bytes(exams.nifti_gz(exams.labels()))
    grids = [read_grid(each, field="t1") for each in (path, misnamed)]
    assert grids[0].equals(grids[1])
    assert np.array_equal(read_array(path, field="t1"), exams.labels()[::-1, ::-1]), "read in RAS+ order"


@pytest.mark.parametrize("scheme", gs.LabelScheme)
def test_regions_nest_in_each_scheme(scheme: gs.LabelScheme) -> None:
    found = gs.LabelMap(exams.nifti_gz(exams.labels(scheme)), scheme)
    for region, mask in exams.MASKS.items():
        assert np.array_equal(found.mask(region), mask)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize(
    ("shape", "dtype", "message"),
    [
        ((2000, 2000, 2000), "i2", "must have at most 134217728 voxels, got more"),
        ((500, 500, 500), "i2", "must hold the voxels that its header declares, got fewer"),
        ((20, 20, 20), "i2", "must be a NIfTI file that can be read"),
        ((3, 4), "i2", "must be a NIfTI file that can be read, got OrientationError"),
        ((3, 4, 5), "c8", "must hold integers or floats, got voxels of another type"),
    ],
)
def test_voxels_that_are_not_there_take_no_memory(
    tmp_path: Path, suffix: str, shape: tuple[int, ...], dtype: str, message: str
) -> None:
    header = nib.Nifti1Header(endianness="<")
    header.set_data_dtype(np.dtype(dtype))
    header.set_data_shape(shape)
    header["magic"], header["vox_offset"] = header.single_magic, 352
    file = header.binaryblock + bytes(4) + bytes(min(480, 8 * int(np.prod(shape))))
    path = tmp_path / f"a{suffix}"
    path.write_bytes(gzip.compress(file) if suffix.endswith(".gz") else file)
    tracemalloc.start()
    try:
        with pytest.raises(gs.LocalInputError, match=message):
            read_volume(path, field="t1")
        assert tracemalloc.get_traced_memory()[1] < 2 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_an_affine_of_no_meaning_is_read_in_silence(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.zeros((3, 4, 5), np.int16), np.eye(4))
    image.set_sform(np.diag([3e38, 3e38, 3e38, 1.0]), code=1)
    image.to_filename(tmp_path / "a.nii")
    assert read_volume(tmp_path / "a.nii", field="t1")[0].shape == (3, 4, 5)
