"""The command line against a real server: what it prints, writes, and exits with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import glioserve as gs
import grpc
import pytest
from glioserve.cli import app
from glioserve.v1 import types_pb2 as pb
from typer.testing import CliRunner

from tests.client import exams
from tests.client.fake_server import DIGEST, FakeServer, busy, fail, report, succeed

run = CliRunner().invoke
FILES = {"segmentation.nii.gz", "result.json", "report.html", "overlay.png"}
COMMAND = [sys.executable, "-c", "from glioserve.cli import main; main()"]


def four_files(folder: Path) -> list[str]:
    return [text for each in gs.Modality for text in (f"--{each.value}", str(exams.exam_files(folder).path(each)))]


def test_a_case_folder_into_a_result_folder(server: FakeServer, scored_dir: Path, tmp_path: Path) -> None:
    done = run(app, ["segment", str(scored_dir), "--server", server.target, "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["WT", "Whole", "tumour", "4.12", "ml", "515", "1", "234"] in lines
    assert ["WT", "0.875", "2.25", "mm", "0.812", "0.938", "computed"] in lines
    for text in ("HD95: pooled", "Empty masks: legacy", "Reference labels: brats2018", "Warning: ", "Note: "):
        assert text in done.stdout
    assert done.stdout.endswith("Research software, not a medical device.\n")
    assert done.stderr == "", "no bar where there is no terminal"


def test_four_files_and_a_document(server: FakeServer, case_dir: Path) -> None:
    done = run(app, ["segment", *four_files(case_dir), "--json", "--server", server.target])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["schema"] == "glioserve.result/1"
    assert document["models"][0]["sha256"] == DIGEST
    assert document["metrics"] is None


def test_options_reach_the_server(server: FakeServer, case_dir: Path) -> None:
    reference = case_dir / "expert.nii.gz"
    reference.write_bytes(exams.nifti_gz(exams.labels(gs.LabelScheme.MSD)))
    arguments = ["segment", str(case_dir), "--reference", str(reference), "--reference-label-scheme", "msd"]
    arguments += ["--label-scheme", "brats2023", "--hd95", "surfel-weighted", "--empty-masks", "brats2026", "--json"]
    done = run(app, arguments, env={"GLIOSERVE_SERVER": server.target})
    assert done.exit_code == 0, done.output
    header = server.received[0].header
    assert header.label_scheme == pb.LABEL_SCHEME_BRATS_2023
    assert header.reference_label_scheme == pb.LABEL_SCHEME_MSD
    assert header.conventions.hd95_definition == pb.HD95_DEFINITION_SURFEL_WEIGHTED
    assert header.conventions.empty_mask_policy == pb.EMPTY_MASK_POLICY_BRATS_2026
    assert json.loads(done.stdout)["metrics"]["conventions"]["hd95_definition"] == "surfel-weighted"


def test_an_evaluation(server: FakeServer, tmp_path: Path) -> None:
    path = tmp_path / "a.nii.gz"
    path.write_bytes(exams.nifti_gz(exams.labels()))
    arguments = ["evaluate", str(path), str(path), "--label-scheme", "brats2018", "--server", server.target]
    shown = run(app, arguments)
    assert shown.exit_code == 0, shown.output
    assert "ET" in shown.stdout
    assert "0.875" in shown.stdout
    document = json.loads(run(app, [*arguments, "--reference-label-scheme", "msd", "--json"]).stdout)
    assert document["schema"] == "glioserve.evaluation/1"
    assert (document["prediction_label_scheme"], document["reference_label_scheme"]) == ("brats2018", "msd")
    assert document["regions"][1]["hd95_mm"] == 2.25


def test_info(server: FakeServer) -> None:
    shown = run(app, ["info", "--server", server.target])
    assert shown.exit_code == 0, shown.output
    for text in ("Server 9.8.7, serving, engine triton", "t1, flair", DIGEST[:12], "512 MiB", "3 of 8 places"):
        assert text in shown.stdout
    document = json.loads(run(app, ["info", "--json", "--server", server.target]).stdout)
    assert (document["schema"], document["health"]) == ("glioserve.info/1", "serving")
    assert document["models"][1]["region"] is None
    assert document["generators"][0]["draws"] == ["t1", "t1ce", "t2", "flair"]
    server.generators = []
    assert "Generators: none" in run(app, ["info", "--server", server.target]).stdout


def test_version() -> None:
    done = run(app, ["--version"])
    assert (done.exit_code, done.stdout) == (0, f"glioserve {gs.__version__}\n")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["segment"],
        ["segment", "{case}", "--t1", "{t1}"],
        ["segment", "--t1", "{t1}"],
        ["segment", "{none}"],
        ["segment", "{case}", "--label-scheme", "brats1999"],
        ["segment", "{case}", "--hd95", "maximum"],
        ["segment", "{case}", "--reference", "{t1}"],
        ["segment", "{case}", "--reference-label-scheme", "msd"],
        ["segment", "{case}", "--timeout", "0"],
        ["segment", "{case}", "--retries", "-1"],
        ["segment", "{case}", "--server", "elsewhere:50051"],
        ["segment", "{case}", "--server", " "],
        ["segment", "{case}", "--tls", "--plaintext"],
        ["segment", "{case}", "--tls-key", "{t1}"],
        ["segment", "{case}", "--speed", "high"],
        ["evaluate", "{t1}", "{t1}"],
        ["evaluate", "{t1}", "--label-scheme", "msd"],
        ["evaluate", "{none}", "{t1}", "--label-scheme", "msd"],
        ["paint"],
    ],
    ids=" ".join,
)
def test_commands_that_are_wrong(server: FakeServer, case_dir: Path, arguments: list[str]) -> None:
    places = {"case": str(case_dir), "t1": str(exams.exam_files(case_dir).t1), "none": str(case_dir / "none")}
    done = run(app, [each.format(**places) for each in arguments], env={"GLIOSERVE_SERVER": server.target})
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    assert "Usage: " in done.stderr
    assert server.received == []


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, ["InvalidInputError: t1ce: must be whole, got half"]),
        (grpc.StatusCode.INTERNAL, ["ServerError: the reason"]),
        (grpc.StatusCode.UNAVAILABLE, ["ServerUnavailableError: the reason", "--server"]),
        (grpc.StatusCode.DEADLINE_EXCEEDED, ["DeadlineError: the reason", "--timeout"]),
        (grpc.StatusCode.PERMISSION_DENIED, ["AccessDeniedError: the reason", "--tls-cert"]),
        (grpc.StatusCode.UNIMPLEMENTED, ["IncompatibleServerError: the reason", "upgrade"]),
    ],
)
def test_work_that_fails(
    server: FakeServer, case_dir: Path, tmp_path: Path, code: grpc.StatusCode, lines: list[str]
) -> None:
    detail = pb.ErrorDetail(kind="TruncatedError", field="t1ce", rule="must be whole", got="half")
    server.answers = [fail(code, detail=detail)]
    done = run(app, ["segment", str(case_dir), "--server", server.target, "--out", str(tmp_path / "out")])
    assert (done.exit_code, done.stdout) == (1, "")
    first, call, *rest = done.stderr.splitlines()
    assert len(rest) == len(lines) - 1
    assert all(part in line for part, line in zip(lines, (first, *rest), strict=True))
    (sent,) = (each.value for each in server.received[0].context.invocation_metadata() if each.key == "x-request-id")
    assert call == f"The server's log names this call {sent}."
    assert list((tmp_path / "out").iterdir()) == []


def test_failures_for_programs(server: FakeServer, case_dir: Path) -> None:
    server.answers = [busy(), fail(grpc.StatusCode.INTERNAL)]
    done = run(app, ["segment", str(case_dir), "--json", "--server", server.target])
    assert done.exit_code == 1
    document = json.loads(done.stdout)
    assert document["schema"] == "glioserve.error/1"
    assert UUID(document["error"].pop("request_id"))
    assert document["error"] == {
        "type": "ServerBusyError",
        "message": "no room",
        "kind": None,
        "field": None,
        "rule": None,
        "got": None,
        "faults": [],
        "retry_after_seconds": 0.001,
    }
    (case_dir / "Jane_Doe_1970_t2.nii.gz").unlink()
    done = run(app, ["segment", str(case_dir), "--json", "--server", server.target])
    assert done.exit_code == 1, "the exam is at fault, not the command"
    assert json.loads(done.stdout)["error"]["type"] == "MissingModalityError"


def test_retries(server: FakeServer, case_dir: Path) -> None:
    server.answers = [busy(), succeed]
    assert run(app, ["segment", str(case_dir), "--retries", "1", "--server", server.target]).exit_code == 0
    assert len(server.received) == 2


def test_time_runs_out(server: FakeServer, case_dir: Path) -> None:
    server.answers = [server.hang]
    done = run(app, ["segment", str(case_dir), "--timeout", "0.4", "--server", server.target])
    assert done.exit_code == 1
    assert done.stderr.startswith("DeadlineError: ")


def test_a_folder_that_can_not_be_written_is_found_before_the_work(server: FakeServer, case_dir: Path) -> None:
    below_a_file = exams.exam_files(case_dir).t1 / "out"
    done = run(app, ["segment", str(case_dir), "--out", str(below_a_file), "--server", server.target])
    assert done.exit_code == 1
    assert done.stderr.startswith("OutputError: ")
    assert server.received == []


def test_a_process_of_its_own(server: FakeServer, scored_dir: Path, tmp_path: Path) -> None:
    arguments = ["segment", str(scored_dir), "--out", str(tmp_path / "out"), "--server", server.target]
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [*COMMAND, *arguments], check=False, capture_output=True, text=True, env=environment, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Whole tumour" in done.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES


def test_a_process_that_finds_nobody(nobody: str, case_dir: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "segment", str(case_dir), "--server", nobody],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("ServerUnavailableError: ")
    assert "Traceback" not in done.stderr


def test_the_result_is_told_before_the_pictures_are_drawn(
    server: FakeServer, case_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> bytes:
        raise gs.OutputError("no picture")

    monkeypatch.setattr("glioserve.outputs.overlay_png", broken)
    call = ["segment", str(case_dir), "--out", str(tmp_path / "out"), "--server", server.target]
    told = run(app, call)
    assert told.exit_code == 1
    assert "Whole tumour" in told.stdout
    assert told.stderr.startswith("OutputError: no picture")
    programs = run(app, [*call, "--json"])
    assert json.loads(programs.stdout)["schema"] == "glioserve.error/1", "one document, and that of the failure"
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"segmentation.nii.gz", "result.json"}


def test_the_whole_frame(server: FakeServer, case_dir: Path) -> None:
    server.answers = [report(shown_share=0.125), report(shown_share=1.0)]
    call = ["segment", str(case_dir), "--json", "--server", server.target]
    shares = [json.loads(run(app, [*call, *more]).stdout)["shown_share"] for more in ([], ["--full-frame"])]
    assert shares == [0.125, 1.0]
    assert [received.header.full_frame for received in server.received] == [False, True]
