"""What is written is where the caller's exam is, and whole."""

from __future__ import annotations

import gzip
import os
import stat

import nibabel as nib
import numpy as np
import pytest

from imaging.errors import GeometryError
from imaging.geometry import Grid
from imaging.nifti import (
    NiftiDatatypeError,
    NiftiHeaderError,
    NiftiInfError,
    NiftiNanError,
    NiftiSuffixError,
    read_nifti_file,
    read_nifti_image,
    write_nifti,
    write_nifti_file,
)
from imaging.volume import Volume
from tests.imaging.nifti.files import OBLIQUE, QFORM, SFORM, SHAPE, nifti, patched, voxels_of

ROTATED = np.array([[0, -2.0, 0, 5], [2.0, 0, 0, 6], [0, 0, 3.0, 7], [0, 0, 0, 1]])


def mask_on(grid: Grid) -> Volume:
    return Volume((np.indices(grid.shape).sum(axis=0) % 5).astype(np.uint8), grid)


def as_nibabel(file: bytes, *, version=1):
    return (nib.Nifti1Image if version == 1 else nib.Nifti2Image).from_bytes(
        gzip.decompress(file) if file[:2] == b"\x1f\x8b" else file
    )


def source_files():
    image = nib.Nifti1Image(voxels_of(), OBLIQUE)
    image.set_sform(OBLIQUE, code=4)
    image.set_qform(OBLIQUE, code=2)
    yield "both forms", 1, image.to_bytes()
    image = nib.Nifti1Image(voxels_of(), None)
    rotation = np.diag([-1.1, 0.9, 2.3, 1.0])
    rotation[:2, :2] = [[-1.05, -0.27], [-0.32, 0.86]]
    image.set_qform(rotation, code=1, strip_shears=True)
    image.set_sform(None, code=0)
    yield "qform only", 1, image.to_bytes()
    yield "no form", 1, patched(patched(nifti(), SFORM, "<h", 0), QFORM, "<h", 0)
    yield "big-endian", 1, nifti(order=">")
    fine = OBLIQUE.copy()
    fine[0, 3] = 90.123456789012
    yield "version 2", 2, nifti(affine=fine, version=2)


@pytest.mark.parametrize(("version", "source"), [row[1:] for row in source_files()], ids=[r[0] for r in source_files()])
def test_a_mask_like_its_input_has_the_very_same_affine_and_codes(version, source):
    image = read_nifti_image(source, field="t1")
    mask = mask_on(image.header.grid)
    written, original = (
        as_nibabel(write_nifti(mask, like=image.header), version=version),
        as_nibabel(source, version=version),
    )

    assert np.array_equal(written.affine, original.affine)
    assert np.array_equal(written.get_sform(), original.get_sform())
    assert np.array_equal(written.get_qform(), original.get_qform())
    for code in ("sform_code", "qform_code"):
        assert written.header[code] == original.header[code]
    assert written.header.get_zooms() == original.header.get_zooms()
    assert written.get_data_dtype() == np.uint8
    assert np.array_equal(np.asarray(written.dataobj), mask.voxels)


def test_a_volume_on_another_grid_than_its_header_is_refused():
    header = read_nifti_image(nifti(), field="t1").header
    with pytest.raises(GeometryError, match="very grid"):
        write_nifti(mask_on(Grid(SHAPE, ROTATED)), like=header)
    with pytest.raises(GeometryError, match="very grid"):
        write_nifti(mask_on(Grid((7, 6, 4), OBLIQUE)), like=header)


def test_free_text_of_the_input_is_not_carried_over():
    source = nifti(descrip=b"DOE^JANE", aux_file=b"DOE.hdr", db_name=b"DOE")
    image = read_nifti_image(source, field="t1")

    assert b"DOE" not in write_nifti(mask_on(image.header.grid), like=image.header, compress=False)


def test_both_forms_hold_a_grid_of_right_angles():
    header = as_nibabel(write_nifti(mask_on(Grid(SHAPE, ROTATED)))).header

    assert (header["sform_code"], header["qform_code"]) == (1, 1)
    assert np.array_equal(header.get_sform(), ROTATED)
    assert np.allclose(header.get_qform(), ROTATED, atol=1e-6)
    assert header.get_xyzt_units()[0] == "mm"


def test_a_sheared_grid_has_no_qform():
    sheared = ROTATED.copy()
    sheared[0, 0] = 0.5
    header = as_nibabel(write_nifti(mask_on(Grid(SHAPE, sheared)))).header

    assert (header["sform_code"], header["qform_code"]) == (1, 0)
    assert np.array_equal(header.get_sform(), sheared)
    assert np.allclose(header.get_zooms(), Grid(SHAPE, sheared).spacing_mm)


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "f4", "f8", ">i2", ">f8"])
def test_types_are_kept(dtype):
    array = voxels_of(dtype)
    image = as_nibabel(write_nifti(Volume.from_affine(array, ROTATED)))

    assert image.get_data_dtype() == np.dtype(dtype).newbyteorder("<")
    assert np.array_equal(np.asarray(image.dataobj), array)


def test_bools_become_uint8():
    image = as_nibabel(write_nifti(Volume.from_affine(voxels_of() > 60, ROTATED)))

    assert image.get_data_dtype() == np.uint8
    assert np.array_equal(np.asarray(image.dataobj), voxels_of() > 60)


@pytest.mark.parametrize("dtype", ["c8", "f2", "U1"])
def test_types_without_a_place_in_nifti_are_refused(dtype):
    with pytest.raises(NiftiDatatypeError):
        write_nifti(Volume.from_affine(np.zeros(SHAPE, dtype), ROTATED))


@pytest.mark.parametrize(("value", "error"), [(np.nan, NiftiNanError), (np.inf, NiftiInfError)])
def test_no_file_is_written_with_voxels_that_are_no_numbers(tmp_path, value, error):
    array = voxels_of("f4")
    array[0, 0, 0] = value
    with pytest.raises(error):
        write_nifti_file(tmp_path / "x.nii.gz", Volume.from_affine(array, ROTATED))
    assert not list(tmp_path.iterdir())


def test_an_axis_too_long_for_nifti_1_is_written_as_nifti_2():
    volume = Volume.from_affine(np.zeros((40000, 1, 1), np.uint8), ROTATED)
    image = as_nibabel(write_nifti(volume), version=2)

    assert image.shape == (40000, 1, 1)


def test_the_same_volume_gives_the_same_bytes():
    assert write_nifti(mask_on(Grid(SHAPE, ROTATED))) == write_nifti(mask_on(Grid(SHAPE, ROTATED)))


@pytest.mark.parametrize("name", ["x.nii", "x.nii.gz"])
def test_files_are_whole_readable_and_alone(tmp_path, name):
    path = tmp_path / name
    path.write_text("what was there before")
    volume = mask_on(Grid(SHAPE, ROTATED))
    write_nifti_file(path, volume)

    assert np.array_equal(read_nifti_file(path, field="t1").voxels, volume.voxels)
    assert (path.read_bytes()[:2] == b"\x1f\x8b") == name.endswith(".gz")
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "x.nii.gz"
    path.write_text("old")

    def full_disk(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("imaging.atomic.os.fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_nifti_file(path, mask_on(Grid(SHAPE, ROTATED)))

    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.nii.gz"]


@pytest.mark.parametrize("name", ["x", "x.gz", "x.img", "x.nii.zip"])
def test_other_suffixes_are_refused(tmp_path, name):
    with pytest.raises(NiftiSuffixError):
        write_nifti_file(tmp_path / name, mask_on(Grid(SHAPE, ROTATED)))


def test_description_is_written():
    content = write_nifti(mask_on(Grid(SHAPE, ROTATED)), compress=False, description="a" * 79)
    assert nib.Nifti1Image.from_bytes(content).header["descrip"].item() == b"a" * 79


@pytest.mark.parametrize("description", ["a" * 80, "naïve"])
def test_descriptions_that_do_not_fit_are_refused(description):
    with pytest.raises(NiftiHeaderError):
        write_nifti(mask_on(Grid(SHAPE, ROTATED)), description=description)
