"""A study all the way, in Python and on the command line: what is sent, written, told, and kept to oneself."""

from __future__ import annotations

import gzip
import json
import logging
import subprocess
import sys
import warnings
from pathlib import Path

import highdicom as hd
import nibabel as nib
import numpy as np
import pytest
from glioserve import Client, LocalInputError, Modality
from glioserve.cli import app
from glioserve.dicom import segment_study
from pydicom import config, dcmread
from pydicom.dataset import FileDataset
from typer.testing import CliRunner

from tests.client.dicom.answers import found, lesion
from tests.client.dicom.studies import (
    AS_ACQUIRED,
    BIRTH_DATE,
    NAME,
    NUMBERS,
    PATIENT_ID,
    SHAPE,
    Acquired,
    Writer,
    head,
    oblique,
)
from tests.client.dicom.validator import DCIODVFY, faults
from tests.client.fake_server import FakeServer

run = CliRunner().invoke
SECRETS = (NAME, PATIENT_ID, BIRTH_DATE, "Doe")


@pytest.fixture
def study(tmp_path: Path, server: FakeServer) -> Writer:
    """A study, and a server that finds something in it."""
    server.answers = [found()]
    writer = Writer(tmp_path / "Doe^Jane" / "study")
    writer.exam(affine=oblique())
    return writer


def test_voxels_go_there_and_come_back(study: Writer, server: FakeServer, client: Client, tmp_path: Path) -> None:
    done = segment_study(client, study.folder, seg_path=tmp_path / "seg.dcm", out=tmp_path / "out")
    (received,) = server.received
    sent = [nib.Nifti1Image.from_bytes(gzip.decompress(data)) for data in received.files]
    for modality, image in zip(Modality, sent, strict=True):
        assert np.array_equal(np.asarray(image.dataobj), head(modality))
        assert np.allclose(image.affine, oblique(), atol=1e-4)
    everything = received.header.SerializeToString() + b"".join(gzip.decompress(each) for each in received.files)
    for secret in (*SECRETS, str(study.study_uid)):
        assert secret.encode() not in everything
    assert np.array_equal(done.result.label_map.array, lesion(SHAPE))
    volume = hd.seg.segread(tmp_path / "seg.dcm").get_volume(combine_segments=False)
    assert int(volume.array[..., 0].sum()) == int((lesion(SHAPE) > 0).sum())
    assert {"segmentation.nii.gz", "result.json", "report.html"} <= {path.name for path in (tmp_path / "out").iterdir()}
    for path in (tmp_path / "out").iterdir():
        for secret in (*SECRETS, str(study.study_uid)):
            assert secret.encode() not in path.read_bytes()


def test_the_masks_of_another_contrast(study: Writer, client: Client, tmp_path: Path) -> None:
    segment_study(client, study.folder, seg_path=tmp_path / "seg.dcm", output_grid=Modality.FLAIR)
    references = {
        str(each.ReferencedSOPInstanceUID)
        for frame in dcmread(tmp_path / "seg.dcm").PerFrameFunctionalGroupsSequence
        for each in frame.DerivationImageSequence[0].SourceImageSequence[:1]
    }
    flair = {str(dcmread(path).SOPInstanceUID) for path in (study.folder / "s5").rglob("*.dcm")}
    assert references <= flair


def test_the_command_line(study: Writer, server: FakeServer, tmp_path: Path) -> None:
    study.classic(head(Modality.T1, (24, 20, 3)), Acquired("localizer", 2, 5, scanning=("GR",)), 1)
    arguments = ["segment", "--dicom", str(study.folder), "--dicom-seg", str(tmp_path / "new" / "seg.dcm")]
    done = run(app, [*arguments, "--out", str(tmp_path / "out"), "--server", server.target])
    assert done.exit_code == 0, done.output
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[0][:2] == ["Series", "Description"]
    assert ["3", "AX", "T1", "12", "5.00", "x", "6.00", "x", "10.00", "T1"] in [line[:10] for line in lines]
    assert any(line[0] == "1" and line[-2:] == ["a", "localizer"] for line in lines if line)
    assert any(line[:1] == ["WT"] for line in lines)
    assert (tmp_path / "out" / "result.json").exists()
    if DCIODVFY is not None:
        assert faults(tmp_path / "new" / "seg.dcm") == []


def test_a_document_stands_alone(study: Writer, server: FakeServer) -> None:
    done = run(app, ["segment", "--dicom", str(study.folder), "--json", "--server", server.target])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["schema"] == "glioserve.result/1"
    assert "AX T2 FLAIR" in done.stderr


def test_a_choice_that_can_not_be_made_is_told_and_can_be_made_by_hand(study: Writer, server: FakeServer) -> None:
    study.classic(head(Modality.T2), AS_ACQUIRED[Modality.T2], 40)
    arguments = ["segment", "--dicom", str(study.folder), "--server", server.target]
    done = run(app, arguments)
    assert done.exit_code == 1
    assert done.stderr.startswith("ChoiceError: t2: must be one series, got 2 equally fine: series 4, series 40\n")
    assert "several are alike" in done.stdout
    assert server.received == []
    assert run(app, [*arguments, "--series", "t2=40"]).exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["--dicom", "{study}", "{study}"],
        ["--dicom", "{study}", "--t1", "{file}"],
        ["--dicom", "{study}", "--reference", "{file}"],
        ["--dicom", "{study}", "--reference-label-scheme", "msd"],
        ["--dicom", "{study}", "--series", "t3=4"],
        ["--dicom", "{study}", "--series", "t2"],
        ["--dicom", "{study}", "--series", "t2="],
        ["--dicom", "{study}", "--series", "t2=4", "--series", "t2=5"],
        ["--dicom", "{study}/none"],
        ["--dicom-seg", "{file}"],
        ["{study}", "--series", "t2=4"],
    ],
    ids=" ".join,
)
def test_commands_that_are_wrong(study: Writer, server: FakeServer, arguments: list[str]) -> None:
    file = next(study.folder.rglob("*.dcm"))
    filled = [each.format(study=study.folder, file=file) for each in arguments]
    done = run(app, ["segment", *filled, "--server", server.target])
    assert done.exit_code == 2, done.output
    assert "Usage: " in done.stderr
    assert server.received == []


def test_nothing_of_the_patient_is_told(
    study: Writer, client: Client, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    segment_study(client, study.folder, seg_path=tmp_path / "seg.dcm")
    sorted((study.folder / "s7").rglob("*.dcm"))[4].unlink()
    with pytest.raises(LocalInputError) as caught:
        segment_study(client, study.folder)
    for secret in SECRETS:
        assert secret not in caplog.text
        assert secret not in str(caught.value)


def test_nothing_of_the_patient_is_warned_of(
    server: FakeServer,
    client: Client,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    recwarn: pytest.WarningsRecorder,
) -> None:
    """Values that break the standard are cited by the warnings of the libraries, if they are let."""

    def broken(_: int, dataset: FileDataset) -> None:
        for keyword in ("PatientBirthDate", "StudyDate", "AccessionNumber", "PatientSex", "StudyID"):
            delattr(dataset, keyword)
        with config.disable_value_validation():
            dataset.PatientBirthDate = "Doe^Jane, born in 1970"
            dataset.StudyDate = "19990231"
            dataset.AccessionNumber = "Doe^Jane" * 5
            dataset.PatientSex = "Doe^Jane is a woman"

    server.answers = [found()]
    writer = Writer(tmp_path / "study")
    for modality, acquired in AS_ACQUIRED.items():
        writer.classic(head(modality), acquired, NUMBERS[modality], change=broken)
    segment_study(client, writer.folder, seg_path=tmp_path / "seg.dcm")
    assert caplog.text == ""
    assert list(recwarn) == []
    warnings.warn("the silence is over", stacklevel=1)
    assert len(recwarn) == 1


def test_nothing_is_left_behind(study: Writer, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    segment_study(client, study.folder)
    assert list((tmp_path / "temporary").iterdir()) == []


WITHOUT = """
import sys
import warnings
sys.modules[{module!r}] = None
import glioserve, glioserve.cli
try:
    import glioserve.dicom
except glioserve.GlioserveError as error:
    assert isinstance(error, ImportError)
    print(error)
sys.argv = ["glioserve", "segment", "--dicom", {folder!r}]
glioserve.cli.main()
"""


@pytest.mark.parametrize("module", ["pydicom", "highdicom"])
def test_without_the_extra(tmp_path: Path, module: str) -> None:
    """Blocking the module in `sys.modules` raises as its absence does."""
    code = WITHOUT.format(module=module, folder=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    said = f"the module {module} is missing: pip install glioserve[dicom]"
    assert done.returncode == 1
    assert done.stdout == f"{said}\n"
    assert done.stderr == f"MissingExtraError: {said}\n"


def test_importing_the_client_imports_no_dicom() -> None:
    """But pydicom, where it is installed, which nibabel imports for itself."""
    code = "import sys, glioserve, glioserve.cli; print(sorted({'glioserve.dicom', 'highdicom'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"
