"""Studies as folders and archives: what is found, what is passed over, and what is refused."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest
from glioserve import LocalInputError, Modality
from glioserve.dicom import choose_series, container, read_study
from pydicom.uid import DeflatedExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

from tests.client.dicom.studies import AS_ACQUIRED, BIRTH_DATE, NAME, PATIENT_ID, Writer, head


def zipped(folder: Path, target: Path, *, prefix: str = "") -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, prefix + str(path.relative_to(folder)))
    return target


def test_a_folder_of_any_depth(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "study" / "deep")
    uids = writer.exam()
    (tmp_path / "study" / "DICOMDIR.txt").write_text("no image" * 100)
    (tmp_path / "study" / "empty").touch()
    study = read_study(tmp_path / "study")
    assert study.uid == writer.study_uid
    assert [each.number for each in study.series] == [3, 4, 5, 7]
    assert {each.uid for each in study.series} == set(uids.values())
    assert all(len(each.slices) == 12 and not each.multiframe for each in study.series)
    assert study.passed_over == {"not DICOM": 2}


def test_an_archive_says_what_its_folder_says(tmp_path: Path) -> None:
    Writer(tmp_path / "study").exam()
    found = read_study(zipped(tmp_path / "study", tmp_path / "study.zip"))
    of_folder = read_study(tmp_path / "study")
    assert [each.acquisition for each in found.series] == [each.acquisition for each in of_folder.series]
    assert [each.slices for each in found.series] == [each.slices for each in of_folder.series]


def test_names_that_climb_out_of_an_archive_lead_nowhere(tmp_path: Path) -> None:
    Writer(tmp_path / "study").exam()
    path = zipped(tmp_path / "study", tmp_path / "study.zip", prefix="../../../up/")
    before = sorted(tmp_path.rglob("*"))
    assert len(choose_series(read_study(path)).series) == 4
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("limit", "rule"),
    [
        ("MAX_FILES", "at most 9 files"),
        ("MAX_FILE_BYTES", "files of at most 9 bytes"),
        ("MAX_STUDY_BYTES", "at most 9 bytes"),
    ],
)
def test_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, rule: str) -> None:
    Writer(tmp_path / "study").exam()
    path = zipped(tmp_path / "study", tmp_path / "study.zip")
    monkeypatch.setattr(container, limit, 9)
    for each in (path, tmp_path / "study"):
        with pytest.raises(LocalInputError, match=rule):
            read_study(each)


def test_a_bomb_is_refused_before_it_goes_off(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("big", bytes(2**20))
    data = path.read_bytes()
    path.write_bytes(data.replace(struct.pack("<I", 2**20), struct.pack("<I", 2**30 + 1)))
    with pytest.raises(LocalInputError, match="files of at most 1073741824 bytes, got one of 1073741825"):
        read_study(path)


def test_a_member_that_is_larger_than_it_says_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "liar.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("liar", bytes(128) + b"DICM" + bytes(2**20))
    data = path.read_bytes()
    size = struct.pack("<I", 2**20 + 132)
    assert data.count(size) == 2
    path.write_bytes(data.replace(size, struct.pack("<I", 140)))
    with pytest.raises(LocalInputError, match=r"BadZipFile|none in 1 files"):
        read_study(path)


def test_a_member_without_a_name(tmp_path: Path) -> None:
    Writer(tmp_path / "study").exam()
    path = zipped(tmp_path / "study", tmp_path / "study.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("QQQQ", b"no image")
    path.write_bytes(path.read_bytes().replace(b"QQQQ", b"\0QQQ"))  # a name ends at its first zero
    with zipfile.ZipFile(path) as archive:
        assert "" in archive.namelist()
    study = read_study(path)
    assert study.passed_over == {"not DICOM": 1}
    assert len(study.series) == 4


def test_archives_that_can_not_be_read(tmp_path: Path) -> None:
    Writer(tmp_path / "study").exam()
    path = zipped(tmp_path / "study", tmp_path / "study.zip")
    whole = path.read_bytes()
    flags = whole.index(b"PK\x01\x02") + 8
    path.write_bytes(whole[:flags] + b"\x01" + whole[flags + 1 :])
    with pytest.raises(LocalInputError, match="not encrypted"):
        read_study(path)
    path.write_bytes(whole[:200] + bytes(2000) + whole[2200:])
    with pytest.raises(LocalInputError, match="DICOM images that can be read"):
        read_study(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", b"")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a", b"")
    with pytest.raises(LocalInputError, match="a name twice"):
        read_study(path)
    path.write_bytes(b"no archive")
    for each, got in ((path, "another file"), (tmp_path / "none", "nothing there")):
        with pytest.raises(LocalInputError, match=got):
            read_study(each)


def test_objects_that_are_no_mr_images_are_passed_over(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.exam()

    def no_mr(_: int, dataset) -> None:
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = SecondaryCaptureImageStorage

    writer.classic(head(Modality.T1), AS_ACQUIRED[Modality.T1], 99, change=no_mr)
    study = read_study(tmp_path)
    assert study.passed_over == {"not MR images": 12}
    assert [each.number for each in study.series] == [3, 4, 5, 7]


def test_one_study_of_one_patient(tmp_path: Path) -> None:
    Writer(tmp_path / "a").exam()
    study_uid = read_study(tmp_path).uid
    Writer(tmp_path / "b", patient_id="Somebody", study_uid=generate_uid()).exam()
    with pytest.raises(LocalInputError, match="study: must be of one study, got images of 2") as caught:
        read_study(tmp_path)
    assert "Somebody" not in str(caught.value)
    for path in (tmp_path / "b").rglob("*.dcm"):
        path.unlink()
    Writer(tmp_path / "b", patient_id="Somebody", study_uid=study_uid).exam()
    with pytest.raises(LocalInputError, match="study: must be of one patient, got images of 2"):
        read_study(tmp_path)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(LocalInputError, match="study: must hold MR images, got none in 0 files"):
        read_study(tmp_path)


def test_images_that_can_not_be_read(tmp_path: Path) -> None:
    Writer(tmp_path).exam()
    victim = next(tmp_path.rglob("*.dcm"))
    whole = victim.read_bytes()

    def deflated(_: int, dataset) -> None:
        dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian

    victim.write_bytes(whole[:132] + b"\x02\x00\x00\x00UL\x04\x00" + whole[140:300])
    with pytest.raises(LocalInputError, match="study: must"):
        read_study(tmp_path)
    victim.write_bytes(whole)
    writer = Writer(tmp_path / "more", study_uid=read_study(tmp_path).uid)
    writer.classic(head(Modality.T1), AS_ACQUIRED[Modality.T1], 50, change=deflated)
    with pytest.raises(LocalInputError, match="not deflated"):
        read_study(tmp_path)


def test_nothing_of_the_patient_is_kept(tmp_path: Path) -> None:
    Writer(tmp_path).exam()
    study = read_study(tmp_path)
    text = repr(study) + repr([(each, each.slices[0], each.acquisition) for each in study.series])
    for secret in (NAME, PATIENT_ID, BIRTH_DATE, "AX T1", str(tmp_path)):
        assert secret not in text
