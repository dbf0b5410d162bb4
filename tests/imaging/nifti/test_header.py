"""Headers that lie, each with an error of its own."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from imaging.nifti import (
    NiftiAxesError,
    NiftiDatatypeError,
    NiftiExtentError,
    NiftiHeaderError,
    NiftiLimits,
    NiftiTooLargeError,
    NotNiftiError,
    read_nifti,
)
from imaging.nifti.limits import NiftiLimits as Limits
from tests.imaging.nifti.files import (
    BITPIX,
    DATATYPE,
    DIM,
    INTER,
    MAGIC,
    SLOPE,
    UNITS,
    VOX_OFFSET,
    nifti,
    patched,
    voxels_of,
)

DICOM = bytes(128) + b"DICM" + bytes(400)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "content",
    [b"Dear colleague, please find attached the report.\n" * 20, b"text", DICOM, bytes(400), b"\x89PNG" + bytes(400)],
    ids=["letter", "short text", "dicom", "zeros", "png"],
)
def test_other_files_are_not_nifti(content, packed):
    with pytest.raises(NotNiftiError):
        read_nifti(gzip.compress(content) if packed else content, field="t1")


@pytest.mark.parametrize("magic", [b"ni1\0", b"\0\0\0\0", b"n+2\0"], ids=["pair", "analyze", "other version"])
def test_other_magic_is_refused(raw, magic):
    with pytest.raises(NotNiftiError):
        read_nifti(patched(raw, MAGIC, "<4s", magic), field="t1")


@pytest.mark.parametrize(
    ("dims", "error"),
    [
        ((0, 7, 6, 5), NiftiHeaderError),
        ((8, 7, 6, 5), NiftiHeaderError),
        ((-3, 7, 6, 5), NiftiHeaderError),
        ((3, 7, 0, 5), NiftiExtentError),
        ((3, 7, 6, -5), NiftiExtentError),
        ((4, 7, 6, 5, 0), NiftiExtentError),
        ((2, 7, 6), NiftiAxesError),
        ((4, 7, 6, 5, 2), NiftiAxesError),
        ((5, 7, 6, 5, 1, 3), NiftiAxesError),
        ((3, 1000, 1000, 1000), NiftiTooLargeError),
        ((3, 32767, 32767, 32767), NiftiTooLargeError),
    ],
)
def test_shapes_that_no_exam_has(raw, dims, error):
    with pytest.raises(error) as caught:
        read_nifti(patched(raw, DIM, f"<{len(dims)}h", *dims), field="flair")

    assert type(caught.value) is error
    assert caught.value.field == "flair"


def test_extents_beyond_the_stated_axes_are_ignored(raw):
    assert read_nifti(patched(raw, DIM, "<5h", 3, 7, 6, 5, 9), field="t1").grid.shape == (7, 6, 5)


@pytest.mark.parametrize(
    ("code", "bits", "got"),
    [
        (0, 0, "datatype code 0"),
        (1, 1, "1-bit"),
        (32, 64, "complex64"),
        (128, 24, "RGB24"),
        (1536, 128, "float128"),
        (1792, 128, "complex128"),
        (2304, 32, "RGBA32"),
        (999, 16, "datatype code 999"),
    ],
)
def test_types_that_no_exam_has(raw, code, bits, got):
    with pytest.raises(NiftiDatatypeError) as caught:
        read_nifti(patched(raw, DATATYPE, "<2h", code, bits), field="t1")

    assert caught.value.got == got


@pytest.mark.parametrize("array", [voxels_of("c8"), np.zeros((4, 4, 4), [("R", "u1"), ("G", "u1"), ("B", "u1")])])
def test_real_complex_and_rgb_files_are_refused(array):
    with pytest.raises(NiftiDatatypeError):
        read_nifti(nifti(array), field="t1")


@pytest.mark.parametrize("bits", [0, 8, 32, -16])
def test_bitpix_must_fit_the_type(raw, bits):
    with pytest.raises(NiftiHeaderError, match="bitpix must be 16"):
        read_nifti(patched(raw, BITPIX, "<h", bits), field="t1")


@pytest.mark.parametrize("offset", [0.0, 348.0, 351.0, 352.5, -352.0, np.nan, np.inf])
def test_voxels_can_not_begin_inside_the_header(raw, offset):
    with pytest.raises(NiftiHeaderError, match="vox_offset"):
        read_nifti(patched(raw, VOX_OFFSET, "<f", offset), field="t1")


def test_extensions_have_a_bound(raw):
    with pytest.raises(NiftiTooLargeError, match="header and extensions"):
        read_nifti(patched(raw, VOX_OFFSET, "<f", 1e9), field="t1")


@pytest.mark.parametrize(("slope", "inter"), [(np.inf, 0.0), (2.0, np.nan), (1.0, np.inf)])
def test_scales_must_be_finite(raw, slope, inter):
    with pytest.raises(NiftiHeaderError, match="scl_slope"):
        read_nifti(patched(patched(raw, SLOPE, "<f", slope), INTER, "<f", inter), field="t1")


@pytest.mark.parametrize(("units", "name"), [(1, "metre"), (3, "micrometre"), (5, "unit code 5")])
def test_lengths_in_other_units_are_refused(raw, units, name):
    with pytest.raises(NiftiHeaderError, match=name):
        read_nifti(patched(raw, UNITS, "B", units), field="t1")


def test_unknown_units_are_millimetres_and_units_of_time_do_not_matter(raw):
    for units in (0, 2, 2 | 8, 2 | 16):
        assert read_nifti(patched(raw, UNITS, "B", units), field="t1").grid.spacing_mm[2] == pytest.approx(
            5.51, abs=0.01
        )


def test_voxel_count_is_bounded_whatever_the_type():
    file = nifti(voxels_of("u1"))

    assert read_nifti(file, field="t1", limits=NiftiLimits(max_voxels=210)).grid.shape == (7, 6, 5)
    with pytest.raises(NiftiTooLargeError, match="at most 209 voxels, got 210"):
        read_nifti(file, field="t1", limits=NiftiLimits(max_voxels=209))


@pytest.mark.parametrize("name", ["max_bytes", "max_voxels", "max_ratio", "max_seconds"])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_limits_must_be_positive(name, value):
    with pytest.raises(ValueError, match=f"{name} must be positive"):
        Limits(**{name: value})
