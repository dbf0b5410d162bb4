"""`glioserve-server demo`, which `make run` is: server, client and results, on an exam given and on a synthetic one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from serving.triton.runtime import TritonRuntime
from tests.serving.cases import write_case
from tests.serving.model_repository import write_repository
from tests.serving.test_cli import call, error_of

RESULTS = {"segmentation.nii.gz", "result.json", "report.html", "overlay.png"}


def test_an_exam_given_is_segmented_and_scored(repository: Path, tmp_path: Path) -> None:
    case, out = write_case(tmp_path, 1), tmp_path / "out"

    ended = call("demo", "--case", case, "--out", out, "--engine", "onnxruntime", "--models", repository)

    assert ended.returncode == 0, ended.stderr
    assert {path.name for path in out.iterdir()} == RESULTS
    assert len(json.loads((out / "result.json").read_text())["metrics"]["regions"]) == 3
    assert f"The results are in {out}." in ended.stdout
    assert "The exam is the one given" in ended.stdout


def test_an_exam_that_the_client_refuses_fails_the_demo(repository: Path, tmp_path: Path) -> None:
    case = write_case(tmp_path, 1)
    (case / "BraTS2021_00001_t1ce.nii.gz").unlink()

    ended = call("demo", "--case", case, "--out", tmp_path / "out", "--engine", "onnxruntime", "--models", repository)

    assert "error: client: must succeed, got exit code " in ended.stderr
    assert ended.returncode == 1


@pytest.mark.triton
def test_without_an_exam_a_synthetic_patient_goes_through_triton(
    repository: Path, runtime: TritonRuntime, tmp_path: Path
) -> None:
    ended = call("demo", "--out", tmp_path, "--models", repository, settings={"TRITON_RUNTIME": str(runtime.root)})

    assert ended.returncode == 0, ended.stderr
    assert {path.name for path in tmp_path.iterdir()} == RESULTS | {"exam"}
    assert len(list((tmp_path / "exam").glob("*/*.nii.gz"))) == 5
    (recorded,) = (tmp_path / "exam").glob("*/provenance.json")
    assert json.loads(recorded.read_text())["source"]["seed"] == 7
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["server"]["engine"] == "triton"
    assert len(result["metrics"]["regions"]) == 3
    assert "The exam is synthetic" in ended.stdout
    assert "generate --builtin 7" in ended.stdout


def test_without_an_exam_and_a_generator_the_demo_says_what_it_lacks(tmp_path: Path) -> None:
    models = write_repository(tmp_path / "models", draws=False)
    ended = call("demo", "--out", tmp_path / "out", "--engine", "onnxruntime", "--models", models)
    assert "models: must hold a generator to draw an exam with" in error_of(ended)
    assert not (tmp_path / "out").exists()


def test_models_that_are_not_there_fail_the_demo(tmp_path: Path) -> None:
    case = write_case(tmp_path, 1)
    ended = call("demo", "--case", case, "--out", tmp_path / "out", "--engine", "onnxruntime", "--models", tmp_path)
    assert "unet_wt: must have a readable config.pbtxt" in error_of(ended)
