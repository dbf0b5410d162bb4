"""`glioserve bids` against a real server: a data set in, derivatives out."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import glioserve as gs
import grpc
import nibabel as nib
import numpy as np
import pytest
from click.testing import Result
from glioserve.bids.derivatives import label_table
from glioserve.cli import app
from glioserve.v1 import types_pb2 as pb
from typer.testing import CliRunner

from tests.client import exams
from tests.client.bids.datasets import anat, write_dataset, write_images
from tests.client.fake_server import FakeServer, fail, mask_chunks, part, result, succeed

BESIDE_PYTHON = str(Path(sys.executable).parent)
VALIDATOR = shutil.which("bids-validator-deno", path=BESIDE_PYTHON) or shutil.which("bids-validator")
SESSIONS = ["sub-01_ses-1", "sub-01_ses-2", "sub-02_ses-1"]
KINDS = [
    "label-ET_mask.json",
    "label-ET_mask.nii.gz",
    "label-TC_mask.json",
    "label-TC_mask.nii.gz",
    "label-WT_mask.json",
    "label-WT_mask.nii.gz",
    "seg-glioma_dseg.json",
    "seg-glioma_dseg.nii.gz",
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "raw", SESSIONS)


def bids(server: FakeServer, root: Path, out: Path, *more: str) -> Result:
    return CliRunner().invoke(app, ["bids", str(root), str(out), "participant", "--server", server.target, *more])


def with_brain(received: object) -> object:
    """What a good server says of an exam that it had to prepare."""
    mask, brain = exams.nifti_gz(exams.labels()), exams.nifti_gz(exams.HEAD.astype(np.uint8))
    yield part(result=result(received, mask, brain_mask_size_bytes=len(brain)))
    yield from mask_chunks(mask)
    yield part(mask_chunk=pb.Chunk(file=1, data=brain))


def test_every_session_gets_its_derivatives(server: FakeServer, root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = bids(server, root, out)
    assert done.exit_code == 0, done.output
    assert [line.split(",")[0] for line in done.stdout.splitlines()] == [f"{each}: done" for each in SESSIONS]
    assert "WT 4.12 ml" in done.stdout
    assert done.stderr == ""
    for session in SESSIONS:
        files = sorted(path.name for path in anat(out, session).iterdir())
        assert files == [f"{session}_ce-gd_space-orig_{kind}" for kind in KINDS]
        assert json.loads((out / f"{session}_result.json").read_text())["schema"] == "glioserve.result/1"
        assert (out / f"{session}.html").read_text().startswith("<!doctype html>")
        image = nib.load(anat(out, session) / f"{session}_ce-gd_space-orig_seg-glioma_dseg.nii.gz")
        assert np.array_equal(np.asarray(image.dataobj), exams.labels())
        for region, expected in exams.MASKS.items():
            mask = nib.load(anat(out, session) / f"{session}_ce-gd_space-orig_label-{region.name}_mask.nii.gz")
            assert np.array_equal(np.asarray(mask.dataobj), expected)
            assert mask.get_data_dtype() == np.uint8
            assert np.array_equal(mask.affine, exams.AFFINE)


def test_sidecars_name_sources_and_meaning(server: FakeServer, root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    server.answers = [with_brain]
    assert bids(server, root, out, "--participant-label", "02").exit_code == 0
    stem = anat(out, "sub-02_ses-1") / "sub-02_ses-1_ce-gd_space-orig"
    for kind, of in (("seg-glioma_dseg", None), ("label-WT_mask", "Lesion"), ("desc-brain_mask", "Brain")):
        sidecar = json.loads(Path(f"{stem}_{kind}.json").read_text())
        assert sidecar.get("Type") == of
        assert sidecar["SpatialReference"] == "orig"
        assert len(sidecar["Sources"]) == 4
        for source in sidecar["Sources"]:
            assert source.startswith("bids:raw:")
            assert (root / source.removeprefix("bids:raw:")).is_file()
    brain = nib.load(f"{stem}_desc-brain_mask.nii.gz")
    assert np.array_equal(np.asarray(brain.dataobj), exams.HEAD)
    described = json.loads((out / "dataset_description.json").read_text())
    assert described["DatasetType"] == "derivative"
    assert described["GeneratedBy"][0]["Name"] == "glioserve"
    assert (out / described["DatasetLinks"]["raw"]).resolve() == root.resolve()


@pytest.mark.parametrize("scheme", gs.LabelScheme)
def test_the_label_table_explains_every_value(scheme: gs.LabelScheme) -> None:
    head, *rows = (line.split("\t") for line in label_table(scheme).splitlines())
    assert head == ["index", "name", "abbreviation", "color"]
    meaning = {int(row[0]): row[2] for row in rows}
    regions = scheme.region_labels
    assert [meaning[value] for value in regions[gs.Region.ET]] == ["ET"]
    assert {meaning[value] for value in regions[gs.Region.TC]} == {"ET", "NCR"}
    assert set(meaning) == {0} | regions[gs.Region.WT]
    assert len({row[3] for row in rows}) == len(rows)


def test_label_scheme_and_grid_reach_the_server(server: FakeServer, root: Path, tmp_path: Path) -> None:
    def answer(received: object) -> object:
        mask = exams.nifti_gz(exams.labels(gs.LabelScheme.MSD))
        yield part(result=result(received, mask, output_grid=pb.MODALITY_FLAIR))
        yield from mask_chunks(mask)

    server.answers = [answer]
    out = tmp_path / "out"
    more = ["--participant-label", "sub-02", "--label-scheme", "msd", "--grid", "flair"]
    assert bids(server, root, out, *more).exit_code == 0
    header = server.received[0].header
    assert (header.label_scheme, header.output_grid) == (pb.LABEL_SCHEME_MSD, pb.MODALITY_FLAIR)
    stem = anat(out, "sub-02_ses-1") / "sub-02_ses-1_space-orig"
    et = nib.load(f"{stem}_label-ET_mask.nii.gz")
    assert np.array_equal(np.asarray(et.dataobj), exams.MASKS[gs.Region.ET])
    assert "3\tEnhancing tumour" in (out / "seg-glioma_dseg.tsv").read_text()

    again = bids(server, root, out)
    assert again.exit_code == 2, "results of two label schemes never mix"
    assert "--label-scheme" in again.stderr
    assert len(server.received) == 1


def test_what_is_finished_is_not_done_again(server: FakeServer, root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert bids(server, root, out, "--session-label", "2").exit_code == 0
    before = {path: hashlib.sha256(path.read_bytes()).digest() for path in out.rglob("*_ses-2*") if path.is_file()}
    done = bids(server, root, out)
    assert done.exit_code == 0
    assert [line.split(",")[0] for line in done.stdout.splitlines()] == [
        "sub-01_ses-1: done",
        "sub-01_ses-2: skipped",
        "sub-02_ses-1: done",
    ]
    assert len(server.received) == 3
    assert {path: hashlib.sha256(path.read_bytes()).digest() for path in before} == before


def test_a_session_that_was_cut_short_is_done_again(
    server: FakeServer, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    only = ("--participant-label", "02")
    with monkeypatch.context() as patched:

        def full(*_: object, **__: object) -> str:
            raise gs.OutputError("a result can't be written: No space left on device")

        patched.setattr("glioserve.bids.derivatives.report_html", full)
        done = bids(server, root, out, *only)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("OutputError: ")
    assert not (out / "sub-02_ses-1_result.json").exists()
    assert bids(server, root, out, *only).stdout.startswith("sub-02_ses-1: done")


def test_what_can_not_be_done_is_told_and_the_others_go_on(server: FakeServer, root: Path, tmp_path: Path) -> None:
    (anat(root, "sub-01_ses-1") / "sub-01_ses-1_FLAIR.nii.gz").unlink()
    detail = pb.ErrorDetail(kind="SpacingError", field="t2", rule="must have thin slices", got="9 mm")
    server.answers = [fail(grpc.StatusCode.INVALID_ARGUMENT, detail=detail), succeed]
    done = bids(server, root, tmp_path / "out")
    assert done.exit_code == 1
    missing, refused, good = done.stdout.splitlines()
    assert missing.startswith("sub-01_ses-1: incomplete, MissingModalityError: flair: must be there as FLAIR")
    assert refused == "sub-01_ses-2: failed, InvalidInputError: t2: must have thin slices, got 9 mm"
    assert good.startswith("sub-02_ses-1: done")
    assert not list((tmp_path / "out" / "sub-01").rglob("*.nii.gz"))


def test_a_file_that_is_no_image_stops_its_session_alone(server: FakeServer, root: Path, tmp_path: Path) -> None:
    (anat(root, "sub-01_ses-1") / "sub-01_ses-1_ce-gd_T1w.nii.gz").write_bytes(b"no image")
    done = bids(server, root, tmp_path / "out")
    assert done.exit_code == 1
    assert [line.split(": ")[1].split(",")[0] for line in done.stdout.splitlines()] == ["failed", "done", "done"]


def test_without_a_server_nothing_is_tried_twice(root: Path, tmp_path: Path, nobody: str) -> None:
    arguments = ["bids", str(root), str(tmp_path / "out"), "participant", "--server", nobody]
    done = CliRunner().invoke(app, arguments)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("ServerUnavailableError: ")


def test_for_programs(server: FakeServer, root: Path, tmp_path: Path) -> None:
    write_images(root, "sub-02_ses-1", "acq-fast_T2w")
    (anat(root, "sub-01_ses-2") / "sub-01_ses-2_T1w.nii.gz").unlink()
    done = bids(server, root, tmp_path / "out", "--json")
    assert done.exit_code == 1
    first, second, third = (json.loads(line) for line in done.stdout.splitlines())
    assert {each["schema"] for each in (first, second, third)} == {"glioserve.bids-session/1"}
    assert (first["subject"], first["session"], first["outcome"]) == ("01", "1", "done")
    assert first["volumes_ml"]["wt"] == pytest.approx(4.12)
    assert second["outcome"] == "incomplete"
    assert second["error"]["type"] == "MissingModalityError"
    assert third["notes"] == [
        "T2: T2w was taken of 2 candidates (fewest further entities, then lowest run, then first by name)."
    ]


@pytest.mark.parametrize("place", ["raw", "raw/sub-01/out", "full", "foreign"])
def test_places_where_derivatives_can_not_go(server: FakeServer, root: Path, tmp_path: Path, place: str) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "dataset_description.json").write_text('{"GeneratedBy": [{"Name": "fMRIPrep"}]}')
    before = sorted(tmp_path.rglob("*"))
    done = bids(server, root, tmp_path / place)
    assert done.exit_code == 2
    assert "OUT_DIR" in done.stderr
    assert sorted(tmp_path.rglob("*")) == before
    assert server.received == []


@pytest.mark.parametrize("more", [["--participant-label", "77"], ["--session-label", "77"], ["--label-scheme", "best"]])
def test_options_that_are_wrong(server: FakeServer, root: Path, tmp_path: Path, more: list[str]) -> None:
    done = bids(server, root, tmp_path / "out", *more)
    assert done.exit_code == 2
    assert more[0] in done.stderr
    assert not (tmp_path / "out").exists()


def test_only_the_participant_level(server: FakeServer, root: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["bids", str(root), str(tmp_path / "out"), "group", "--server", server.target])
    assert done.exit_code == 2


@pytest.mark.skipif(VALIDATOR is None, reason="no bids-validator on PATH")
def test_the_validator_of_bids_finds_no_error(server: FakeServer, root: Path) -> None:
    server.answers = [with_brain]
    out = root / "derivatives" / "glioserve"
    assert bids(server, root, out).exit_code == 0
    assert VALIDATOR is not None
    environment = {**os.environ, "PATH": f"{BESIDE_PYTHON}{os.pathsep}{os.environ['PATH']}"}  # it starts deno by name
    checked = subprocess.run(
        [VALIDATOR, str(out), "--json"], check=False, capture_output=True, text=True, timeout=240, env=environment
    )
    issues = json.loads(checked.stdout)["issues"]["issues"]
    assert [each for each in issues if each["severity"] == "error"] == []
    assert checked.returncode == 0
