"""The command `glioserve-server` as a process: what it prints, and its exit codes."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

import pytest

from imaging.regions import Region
from serving.cli import main
from serving.triton.runtime import TritonRuntime
from serving.version import SERVER_VERSION
from tests.serving.cases import write_case
from tests.serving.model_repository import model_config, tiny_onnx, write_model, write_repository

COMMAND = Path(sys.executable).with_name("glioserve-server")


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GLIOSERVE_")}
    return kept | {f"GLIOSERVE_{name}": value for name, value in settings.items()}


def call(*arguments: str | Path, settings: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """One command, in this process."""
    out, err = io.StringIO(), io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with (
        mock.patch.dict(os.environ, environment(settings or {}), clear=True),
        mock.patch.object(sys, "argv", ["glioserve-server", *map(str, arguments)]),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
    root.handlers[:] = handlers
    root.setLevel(level)
    return subprocess.CompletedProcess(list(arguments), code, out.getvalue(), err.getvalue())


def error_of(ended: subprocess.CompletedProcess[str]) -> str:
    """The one line that a foreseeable fault is; log lines may come before it."""
    assert ended.returncode == 1
    (line,) = [line for line in ended.stderr.splitlines() if line.startswith("error: ")]
    assert ended.stderr.endswith(f"{line}\n")
    return line


def test_version_of_the_installed_command() -> None:
    assert (
        subprocess.run([COMMAND, "version"], capture_output=True, check=True).stdout.decode() == f"{SERVER_VERSION}\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("up", "--port", "65536"),
        ("up", "--engine", "tensorrt"),
        ("down",),
        ("evaluate",),
        ("evaluate", "--data", ".", "--all", "--patients", __file__),
        ("demo", "--case", "no-such-folder"),
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: tuple[str, ...]) -> None:
    ended = call(*arguments)
    assert ended.returncode == 2
    assert "Usage: glioserve-server" in ended.stderr


def test_a_setting_that_nobody_knows_is_named() -> None:
    line = error_of(call("up", settings={"WORKER": "3"}))
    assert "GLIOSERVE_WORKER" in line
    assert "GLIOSERVE_WORKERS" in line


def test_models_that_are_not_there_are_a_line(tmp_path: Path) -> None:
    line = error_of(call("up", "--engine", "onnxruntime", "--models", tmp_path))
    assert line == "error: unet_wt: must have a readable config.pbtxt, got FileNotFoundError"


def test_a_port_that_is_taken_is_a_line(repository: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = call("up", "--engine", "onnxruntime", "--models", repository, "--port", port, "--metrics-port", "0")
    assert error_of(ended) == f"error: port: must be free on 127.0.0.1, got port {port}"


@pytest.mark.triton
def test_a_triton_that_does_not_start_is_a_line_with_its_reason(tmp_path: Path, runtime: TritonRuntime) -> None:
    write_repository(tmp_path)
    config = model_config(Region.ET, tiny_onnx(4))
    content = b"no model"
    config.parameters["onnx_sha256"].string_value = hashlib.sha256(content).hexdigest()
    write_model(tmp_path, config, content)

    ended = call("up", "--models", tmp_path, "--port", "0", settings={"TRITON_RUNTIME": str(runtime.root)})

    assert "error: triton: must start" in error_of(ended)
    assert "its log ends: " in error_of(ended)


def test_up_prints_settings_and_address_and_ends_by_ctrl_c(repository: Path) -> None:
    arguments = ["up", "--engine", "onnxruntime", "--models", repository, "--port", "0", "--metrics-port", "0"]
    with subprocess.Popen(
        [COMMAND, *arguments], env=environment({"WORKERS": "3"}), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines = []
        while not lines or not lines[-1].startswith("ready on "):
            lines.append(process.stdout.readline().rstrip())
            assert lines[-1], "it ended"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0

    assert "engine=onnxruntime" in lines
    assert "workers=3" in lines
    assert lines[-1].startswith("ready on 127.0.0.1:")


def test_doctor_for_people_and_for_programs(tmp_path: Path) -> None:
    for_people = call("doctor", "--models", tmp_path)
    for_programs = call("doctor", "--models", tmp_path, "--json")

    assert for_people.returncode == for_programs.returncode == 1
    assert "FAIL  models" in for_people.stdout
    report = json.loads(for_programs.stdout)
    assert report["ok"] is False
    assert [finding["name"] for finding in report["findings"] if not finding["ok"]].count("models") == 1


@pytest.mark.triton
def test_doctor_of_a_machine_that_has_all(repository: Path, runtime: TritonRuntime) -> None:
    settings = {"TRITON_RUNTIME": str(runtime.root), "PORT": "0", "METRICS_PORT": "0"}
    ended = call("doctor", "--models", repository, settings=settings)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.triton
def test_a_runtime_that_is_complete_is_not_built_again(runtime: TritonRuntime) -> None:
    ended = call("runtime", "build", settings={"TRITON_RUNTIME": str(runtime.root)})
    assert ended.returncode == 0
    assert f"complete, Python {runtime.python_version}" in ended.stdout


def test_evaluate_scores_writes_and_compares(repository: Path, tmp_path: Path) -> None:
    write_case(tmp_path / "data", 1)
    write_case(tmp_path / "data", 2)
    out, patients = tmp_path / "new" / "scores.json", tmp_path / "patients"
    patients.write_text("00002\n")
    common = ("evaluate", "--data", tmp_path / "data", "--engine", "onnxruntime", "--models", repository)

    first = call(*common, "--patients", patients, "--out", out)
    same = call(*common, "--patients", patients, "--against", out)
    others = call(*common, "--all", "--against", out)
    altered = json.loads(out.read_text())
    altered["cases"][0]["regions"]["wt"]["dsc"] += 0.01
    out.write_text(json.dumps(altered))
    differs = call(*common, "--patients", patients, "--against", out)

    assert first.returncode == same.returncode == 0
    assert "| DSC | WT |" in first.stdout
    assert [case["case_id"] for case in altered["cases"]] == ["BraTS2021_00002"]
    assert "largest difference of dsc: 0\n" in same.stdout
    assert error_of(others) == "error: against: must be scores of the same patients, got other patients"
    assert differs.returncode == 1
    assert "largest difference of dsc: 0.01\n" in differs.stdout


def test_scores_that_can_not_be_written_are_a_line_before_any_work(repository: Path, tmp_path: Path) -> None:
    write_case(tmp_path / "data", 1)
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "scores.json"
    ended = call(
        "evaluate",
        "--data",
        tmp_path / "data",
        "--all",
        "--engine",
        "onnxruntime",
        "--models",
        repository,
        "--out",
        out,
    )
    assert "File exists" in error_of(ended)
    assert ended.stdout == ""
