"""Files as they come: every fault of every file is told together, and headers that contradict themselves are found."""

from __future__ import annotations

import gzip
import io

import nibabel as nib
import numpy as np
import pytest

from imaging.casecheck.errors import CaseRefusedError
from imaging.casecheck.facts import FileFacts
from imaging.casecheck.files import read_case
from imaging.errors import ImagingError, PipelineCancelledError
from imaging.modality import Modality
from imaging.nifti import AffineSource, NiftiLimits, NiftiNanError, read_nifti_header
from tests.imaging.casecheck.heads import AFFINE, NEEDS, clean, told

T1, T1CE, T2, FLAIR = Modality
LIMITS = NiftiLimits()


def nifti(
    voxels: np.ndarray, *, sform: np.ndarray | None = AFFINE, qform: np.ndarray | None = None, kind=nib.Nifti1Image
) -> bytes:
    """A file with these forms; a form that is None has the code 0."""
    image = kind(voxels, None)
    image.header.set_xyzt_units("mm")
    image.set_sform(sform, code=0 if sform is None else 1)
    image.set_qform(qform, code=0 if qform is None else 1)
    return bytes(image.to_bytes())


def good() -> dict[Modality, bytes]:
    return {modality: nifti(volume.voxels) for modality, volume in clean().items()}


def with_value(value: float) -> bytes:
    voxels = clean()[T2].voxels.astype(np.float32)
    voxels[40, 44, 36] = value
    return nifti(voxels)


BAD = {
    "text": (b"patient,age\n" * 100, "refuse readable t2"),
    "empty": (b"", "refuse readable t2"),
    "truncated": (nifti(clean()[T2].voxels)[:-1000], "refuse readable t2"),
    "corrupt gzip": (gzip.compress(nifti(clean()[T2].voxels))[:-9] + b"123456789", "refuse readable t2"),
    "too large": (nifti(np.zeros((9, 9, 9), np.int16)), "refuse readable t2"),
    "complex": (nifti(np.zeros((4, 4, 4), np.complex64)), "refuse readable t2"),
    "a slice": (nifti(clean()[T2].voxels[:, :, 30]), "refuse three_axes t2"),
    "a series": (nifti(np.stack([clean()[T2].voxels] * 2, axis=-1)), "refuse three_axes t2"),
    "nan": (with_value(np.nan), "refuse finite t2"),
    "infinity": (with_value(-np.inf), "refuse finite t2"),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_file_that_cannot_be_read_is_a_finding(fault: str) -> None:
    content, expected = BAD[fault]
    limits = NiftiLimits(max_voxels=500) if fault == "too large" else LIMITS
    files = {T2: content} if fault == "too large" else good() | {T2: content}
    found = read_case(files.items(), limits=limits).check(needs=NEEDS)
    others = {f"refuse modality_missing {modality}" for modality in Modality if modality not in files}
    assert told(found) == {expected} | others
    assert found.possible == ()


def test_the_faults_of_all_four_are_told_together() -> None:
    files = good() | {T1: BAD["text"][0], T1CE: BAD["a series"][0], T2: BAD["nan"][0]}
    voxels = clean()[FLAIR].voxels.copy()
    files[FLAIR] = nifti(np.minimum(voxels, 300))
    found = read_case(files.items(), limits=LIMITS).check(needs=NEEDS)
    assert told(found) == {"refuse readable t1", "refuse three_axes t1ce", "refuse finite t2", "warn clipped flair"}
    assert [each.refuses for each in found.findings] == [True, True, True, False]


def test_files_of_which_none_can_be_read() -> None:
    found = read_case(dict.fromkeys(Modality, b"nothing").items(), limits=LIMITS).check(needs=NEEDS)
    assert told(found) == {f"refuse readable {modality}" for modality in Modality}
    assert (found.possible, found.aligned, found.skull_stripped) == ((), False, False)


def test_clean_files_have_no_findings_however_they_are_stored() -> None:
    files = good()
    files[T1] = gzip.compress(files[T1], 1)
    files[T1CE] = nifti(clean()[T1CE].voxels, kind=nib.Nifti2Image)
    files[T2] = nifti(clean()[T2].voxels.astype(">f4"), sform=None, qform=AFFINE)
    files[FLAIR] = nifti(clean()[FLAIR].voxels[..., None], qform=AFFINE)
    case = read_case([(modality, io.BytesIO(content)) for modality, content in files.items()], limits=LIMITS)
    assert set(case.images) == set(Modality)
    assert case.check(needs=NEEDS).findings == ()


def test_what_is_raised_where_an_exam_is_refused() -> None:
    """The reader's own error where it is the only reason, else every reason at once."""

    def refusal(**files: bytes) -> Exception:
        case = read_case({**good(), **{Modality(name): each for name, each in files.items()}}.items(), limits=LIMITS)
        with pytest.raises(ImagingError) as refused:
            case.require(case.check(needs=NEEDS))
        return refused.value

    assert isinstance(refusal(t2=BAD["nan"][0]), NiftiNanError)
    both = refusal(t1=BAD["text"][0], t2=BAD["nan"][0])
    assert isinstance(both, CaseRefusedError)
    assert [line.split(":")[0] for line in str(both).splitlines()] == ["t1", "t2"]
    case = read_case(good().items(), limits=LIMITS)
    case.require(case.check(needs=NEEDS))


def test_reading_can_be_stopped_between_files() -> None:
    asked = []

    def check_cancelled() -> None:
        asked.append(None)
        if len(asked) > 2:
            raise PipelineCancelledError

    with pytest.raises(PipelineCancelledError):
        read_case(good().items(), limits=LIMITS, check_cancelled=check_cancelled)


def turned(about: int) -> np.ndarray:
    """The affine, turned by half a turn about an axis of the world."""
    return np.diag([1.0 if axis == about else -1.0 for axis in range(3)] + [1.0]) @ AFFINE


MIRRORED = np.diag([-1.0, 1.0, 1.0, 1.0]) @ AFFINE
TILTED = np.array([[0.96, -0.28, 0, 0], [0.28, 0.96, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]) @ AFFINE


@pytest.mark.parametrize(
    ("sform", "qform", "source", "disagree"),
    [
        (AFFINE, AFFINE, AffineSource.SFORM, False),
        (AFFINE, TILTED, AffineSource.SFORM, False),
        (AFFINE, None, AffineSource.SFORM, False),
        (None, AFFINE, AffineSource.QFORM, False),
        (None, MIRRORED, AffineSource.QFORM, False),
        (None, None, AffineSource.PIXDIM, False),
        (AFFINE, MIRRORED, AffineSource.SFORM, True),
        (MIRRORED, AFFINE, AffineSource.SFORM, True),
        (AFFINE, turned(1), AffineSource.SFORM, True),
        (AFFINE, turned(2), AffineSource.SFORM, True),
        (AFFINE, turned(0), AffineSource.SFORM, False),
    ],
)
def test_whether_the_forms_agree_on_left(
    sform: np.ndarray | None, qform: np.ndarray | None, source: AffineSource, disagree: bool
) -> None:
    content = nifti(clean()[T1].voxels, sform=sform, qform=qform)
    facts = FileFacts.of(read_nifti_header(content, field="t1"))
    assert facts == FileFacts(source, sides_disagree=disagree)
    findings = told(read_case((good() | {T1: content}).items(), limits=LIMITS).check(needs=NEEDS))
    assert ("refuse left_right t1" in findings) == disagree
    assert ("warn left_right t1" in findings) == (source is AffineSource.PIXDIM)


def test_a_qform_that_says_nothing_contradicts_nothing() -> None:
    content = bytearray(nifti(clean()[T1].voxels, qform=AFFINE))
    content[256:260] = np.float32(9.0).tobytes()  # quatern_b of a rotation is at most 1
    assert not FileFacts.of(read_nifti_header(bytes(content), field="t1")).sides_disagree
