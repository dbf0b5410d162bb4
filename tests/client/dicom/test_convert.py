"""Series into NIfTI: voxels and affine, whatever the encoding."""

from __future__ import annotations

import io
import itertools
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual name
from glioserve import LocalInputError, Modality, OutputError
from glioserve.dicom import Series, decoding, read_study, write_nifti
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    MPEG2MPML,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from tests.client.dicom.studies import (
    AS_ACQUIRED,
    BIRTH_DATE,
    NAME,
    PATIENT_ID,
    SHAPE,
    Writer,
    axial,
    head,
    oblique,
    set_pixels,
)

ACQUIRED = AS_ACQUIRED[Modality.T1CE]
ARRAY = head(Modality.T1CE)


def only(folder: Path) -> Series:
    (series,) = read_study(folder).series
    return series


def converted(series: Series, folder: Path) -> nib.Nifti1Image:
    write_nifti(series, folder / "out.nii.gz")
    return nib.load(folder / "out.nii.gz")


@pytest.mark.parametrize("affine", [axial(), oblique()], ids=["axial", "oblique"])
def test_a_classic_series_is_where_another_reader_has_it(tmp_path: Path, affine: np.ndarray) -> None:
    uid = Writer(tmp_path / "in").classic(ARRAY, ACQUIRED, 7, affine=affine)
    image = converted(only(tmp_path / "in"), tmp_path)
    assert np.array_equal(np.asarray(image.dataobj), ARRAY)
    assert np.allclose(image.affine, affine, atol=1e-4)
    assert image.get_data_dtype() == np.uint16
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(tmp_path / "in" / "s7" / "a"), uid)
    other = sitk.ReadImage(names)
    assert np.array_equal(sitk.GetArrayFromImage(other).transpose(2, 1, 0), ARRAY)
    for voxel in itertools.product((0, 23), (0, 19), (0, 11)):
        lps = other.TransformIndexToPhysicalPoint(voxel)
        assert np.allclose((image.affine @ [*voxel, 1])[:3], np.array(lps) * [-1, -1, 1], atol=1e-3)


@pytest.mark.parametrize("order", [range(12), [3, 0, 11, 7, 1, 2, 10, 9, 4, 5, 8, 6]], ids=["in order", "shuffled"])
def test_an_enhanced_image(tmp_path: Path, order: list[int]) -> None:
    Writer(tmp_path / "in").enhanced(ARRAY, ACQUIRED, 7, affine=oblique(), order=order)
    image = converted(only(tmp_path / "in"), tmp_path)
    assert np.array_equal(np.asarray(image.dataobj), ARRAY)
    assert np.allclose(image.affine, oblique(), atol=1e-4)


def compress(syntax: str):
    def change(_: int, dataset: FileDataset) -> None:
        dataset.compress(syntax, generate_instance_uid=False)

    return change


def codestream(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray(pixels.astype(np.uint16))
    image.save(buffer, "JPEG2000", no_jp2=True, irreversible=False, num_resolutions=3)
    return buffer.getvalue()


def jpeg_2000(_: int, dataset: FileDataset) -> None:
    pixels = dataset.pixel_array
    frames = [pixels] if pixels.ndim == 2 else list(pixels)
    dataset.PixelData = encapsulate([codestream(each) for each in frames])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless


def syntax(uid: str):
    def change(_: int, dataset: FileDataset) -> None:
        dataset.file_meta.TransferSyntaxUID = uid
        if uid == ExplicitVRBigEndian:
            dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()

    return change


@pytest.mark.parametrize("enhanced", [False, True], ids=["classic", "enhanced"])
@pytest.mark.parametrize(
    "change",
    [compress(RLELossless), compress(JPEGLSLossless), jpeg_2000, syntax(ImplicitVRLittleEndian)],
    ids=["RLE", "JPEG-LS", "JPEG 2000", "implicit"],
)
def test_transfer_syntaxes(tmp_path: Path, change, enhanced: bool) -> None:
    writer = Writer(tmp_path / "in")
    if enhanced:
        writer.enhanced(ARRAY, ACQUIRED, 7, change=lambda dataset: change(0, dataset))
    else:
        writer.classic(ARRAY, ACQUIRED, 7, change=change)
    image = converted(only(tmp_path / "in"), tmp_path)
    assert np.array_equal(np.asarray(image.dataobj), ARRAY)


def to_jpeg_lossless(folder: Path) -> None:
    """By GDCM's own tool, as it alone writes it."""
    for path in [each for each in folder.rglob("*") if each.is_file()]:
        subprocess.run([Path(sys.executable).with_name("gdcmconv"), "--jpeg", path, path], check=True, timeout=60)
        assert dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID == JPEGLosslessSV1


def test_jpeg_lossless(tmp_path: Path) -> None:
    Writer(tmp_path / "in").classic(ARRAY[..., :3], ACQUIRED, 7)
    to_jpeg_lossless(tmp_path / "in")
    image = converted(only(tmp_path / "in"), tmp_path)
    assert np.array_equal(np.asarray(image.dataobj), ARRAY[..., :3])


@pytest.mark.parametrize(
    ("kind", "mark", "behind"),
    [("JPEG-LS", b"\xff\xf7", 5), ("JPEG 2000", b"\xff\x4f\xff\x51", 8), ("JPEG Lossless", b"\xff\xc3", 5)],
)
def test_no_room_is_made_for_images_that_say_they_are_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, mark: bytes, behind: int
) -> None:
    change = {"JPEG-LS": compress(JPEGLSLossless), "JPEG 2000": jpeg_2000}.get(kind, lambda *_: None)
    Writer(tmp_path / "in").classic(ARRAY[..., :3], ACQUIRED, 7, change=change)
    if kind == "JPEG Lossless":
        to_jpeg_lossless(tmp_path / "in")
    series = only(tmp_path / "in")
    for path in (tmp_path / "in").rglob("*.dcm"):
        data = path.read_bytes()
        at = data.index(mark, data.index(b"\xe0\x7f\x10\x00")) + behind
        path.write_bytes(data[:at] + b"\x7f\xff" + data[at + 2 :])

    def decoder(*_: object, **__: object) -> None:
        pytest.fail("a decoder was asked")

    monkeypatch.setattr(decoding, "pixel_array", decoder)
    monkeypatch.setattr(decoding.subprocess, "run", decoder)
    with pytest.raises(LocalInputError, match="series: must hold grey images of the size that their header states"):
        write_nifti(series, tmp_path / "out.nii")


def test_a_decoder_that_gives_up_takes_nobody_with_it(tmp_path: Path) -> None:
    Writer(tmp_path / "in").classic(ARRAY[..., :3], ACQUIRED, 7)
    to_jpeg_lossless(tmp_path / "in")
    for path in (tmp_path / "in").rglob("*.dcm"):
        data = path.read_bytes()
        scan = data.index(b"\xff\xda", data.index(b"\xff\xd8\xff"))
        path.write_bytes(data[:scan] + bytes(len(data) - scan - 10) + data[-10:])
    with pytest.raises(LocalInputError, match="must hold DICOM images that can be read, got a decoder that gave up"):
        write_nifti(only(tmp_path / "in"), tmp_path / "out.nii")


def test_a_transfer_syntax_that_nobody_decodes(tmp_path: Path) -> None:
    def film(_: int, dataset: FileDataset) -> None:
        jpeg_2000(0, dataset)
        dataset.file_meta.TransferSyntaxUID = MPEG2MPML

    Writer(tmp_path / "in").classic(ARRAY, ACQUIRED, 7, change=film)
    with pytest.raises(LocalInputError, match="must be of a transfer syntax that can be decoded here, got MPEG2"):
        write_nifti(only(tmp_path / "in"), tmp_path / "out.nii")


@pytest.mark.parametrize("stored", [12, 16])
def test_jpeg_2000_of_fewer_bits(tmp_path: Path, stored: int) -> None:
    def narrow(_: int, dataset: FileDataset) -> None:
        dataset.BitsStored, dataset.HighBit = stored, stored - 1
        jpeg_2000(0, dataset)

    Writer(tmp_path / "in").classic(ARRAY, ACQUIRED, 7, change=narrow)
    image = converted(only(tmp_path / "in"), tmp_path)
    assert np.array_equal(np.asarray(image.dataobj), ARRAY)


def test_signed_values(tmp_path: Path) -> None:
    array = ARRAY.astype(np.int16) - 1000
    Writer(tmp_path / "in").classic(array, ACQUIRED, 7, change=compress(RLELossless))
    image = converted(only(tmp_path / "in"), tmp_path)
    assert np.array_equal(np.asarray(image.dataobj), array)
    assert image.get_data_dtype() == np.int16


def test_each_slice_has_a_scale_of_its_own(tmp_path: Path) -> None:
    def scaled(k: int, dataset: FileDataset) -> None:
        dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = 0.5 * (k + 1), k - 3, "US"

    def scaled_frames(dataset: FileDataset) -> None:
        for k, group in enumerate(dataset.PerFrameFunctionalGroupsSequence):
            item = FileDataset("", {})
            scaled(k, item)
            group.PixelValueTransformationSequence = [item]

    k = np.arange(12)
    expected = ARRAY * (0.5 * (k + 1)) + (k - 3)
    Writer(tmp_path / "a").classic(ARRAY, ACQUIRED, 7, change=scaled)
    Writer(tmp_path / "b").enhanced(ARRAY, ACQUIRED, 7, change=scaled_frames)
    for folder in ("a", "b"):
        image = converted(only(tmp_path / folder), tmp_path)
        assert np.allclose(np.asarray(image.dataobj), expected, rtol=1e-6)
        assert image.get_data_dtype() == np.float32


def cut_off(_: int, dataset: FileDataset) -> None:
    dataset.PixelData = dataset.PixelData[:-100]


def colour(_: int, dataset: FileDataset) -> None:
    dataset.PhotometricInterpretation = "MONOCHROME1"


def lookup(_: int, dataset: FileDataset) -> None:
    dataset.ModalityLUTSequence = [FileDataset("", {})]


def endless(_: int, dataset: FileDataset) -> None:
    dataset.RescaleSlope = 1e300


def float_pixels(_: int, dataset: FileDataset) -> None:
    dataset.BitsAllocated = 32
    dataset.FloatPixelData = np.full(dataset.Rows * dataset.Columns, np.nan, np.float32).tobytes()
    del dataset.PixelData


def wide(_: int, dataset: FileDataset) -> None:
    dataset.BitsAllocated = dataset.BitsStored = 64
    dataset.HighBit = 63
    dataset.PixelData = bytes(8 * dataset.Rows * dataset.Columns)


def broken_stream(_: int, dataset: FileDataset) -> None:
    jpeg_2000(0, dataset)
    dataset.PixelData = dataset.PixelData[:40] + bytes(60)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (cut_off, "t1ce: must hold DICOM images that can be read, got ValueError"),
        (broken_stream, "t1ce: must hold grey images of the size that their header states"),
        (colour, "t1ce: must hold grey values"),
        (lookup, "t1ce: must have a linear scale"),
        (endless, "t1ce: must hold finite values, got NaN or infinity"),
        (float_pixels, "t1ce: must hold finite values, got NaN or infinity"),
        (wide, "t1ce: must hold values of at most 32 bits, got uint64"),
    ],
)
def test_pixels_that_can_not_be_used(tmp_path: Path, change, message: str) -> None:
    Writer(tmp_path / "in").classic(ARRAY, ACQUIRED, 7, change=change)
    with pytest.raises(LocalInputError, match=message):
        write_nifti(only(tmp_path / "in"), tmp_path / "out.nii.gz", field="t1ce")
    assert not (tmp_path / "out.nii.gz").exists()


def test_a_slice_that_is_missing_on_disk(tmp_path: Path) -> None:
    Writer(tmp_path / "in").classic(ARRAY, ACQUIRED, 7)
    sorted(tmp_path.rglob("*.dcm"))[5].unlink()
    with pytest.raises(LocalInputError, match="series: must have no slice missing, got 1 missing of 12"):
        write_nifti(only(tmp_path / "in"), tmp_path / "out.nii")


def test_what_the_file_says_and_where_it_can_go(tmp_path: Path) -> None:
    Writer(tmp_path / "in").classic(ARRAY, ACQUIRED, 7)
    series = only(tmp_path / "in")
    write_nifti(series, tmp_path / "out.nii")
    data = (tmp_path / "out.nii").read_bytes()
    assert len(data) == 352 + 2 * int(np.prod(SHAPE))
    for secret in (NAME, PATIENT_ID, BIRTH_DATE, ACQUIRED.description):
        assert secret.encode() not in data
    header = nib.load(tmp_path / "out.nii").header
    assert (int(header["sform_code"]), int(header["qform_code"])) == (1, 1)
    assert np.allclose(header.get_sform(), header.get_qform(), atol=1e-4)
    with pytest.raises(OutputError):
        write_nifti(series, tmp_path / "out.img")


def test_rows_and_columns_differ(tmp_path: Path) -> None:
    """The fixture tells rows from columns: else a transposed reader would pass."""
    assert len(set(SHAPE)) == 3
    Writer(tmp_path).classic(ARRAY, ACQUIRED, 7, change=lambda k, dataset: set_pixels(dataset, ARRAY[:, :, k]))
    write_nifti(only(tmp_path), tmp_path / "out.nii")
    assert nib.load(tmp_path / "out.nii").shape == (20, 24, 12)
