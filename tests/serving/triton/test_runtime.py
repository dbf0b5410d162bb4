"""The environment that Triton runs in: complete, or not there at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from serving.errors import TritonRuntimeError
from serving.triton import runtime as runtime_module
from serving.triton.runtime import RUNTIME_VARIABLE, TritonRuntime, build_runtime, default_root, find_runtime

STAMP = "glioserve-runtime.json"


def built(root: Path, *, version: str = "3.11") -> TritonRuntime:
    """A runtime of empty files: complete, as far as can be told without running it."""
    runtime = TritonRuntime(root, version)
    for path in (runtime.bin / "python3", runtime.server, runtime.stub, runtime.bundled_libraries / "lib.so"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    stamp = {"requirements_sha256": runtime_module._requirements_sha256(), "python_version": version}
    (root / STAMP).write_text(json.dumps(stamp))
    return runtime


@pytest.fixture
def refuse_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(command: list[str | Path]) -> str:
        raise AssertionError(f"nothing should be run, got {command}")

    monkeypatch.setattr(runtime_module, "_run", refuse)


def test_requirements_are_exact() -> None:
    lines = runtime_module._REQUIREMENTS.read_text().splitlines()
    requirements = [line for line in lines if line and not line.startswith("#")]

    assert all("==" in requirement for requirement in requirements)
    assert requirements == sorted(requirements)


def test_openvino_has_nothing_to_tell_its_makers_with() -> None:
    """Its import tells of itself wherever the package `openvino-telemetry` is installed beside it."""
    assert "openvino-telemetry==" not in runtime_module._REQUIREMENTS.read_text()


@pytest.mark.triton
def test_the_real_one_holds_exactly_what_is_required(runtime: TritonRuntime) -> None:
    listing = "import importlib.metadata as m; print(*(f'{d.name}=={d.version}' for d in m.distributions()))"
    output = subprocess.run(
        [runtime.bin / "python3", "-I", "-c", listing], capture_output=True, text=True, check=True
    ).stdout
    required = {line for line in runtime_module._REQUIREMENTS.read_text().splitlines() if line[:1].isalpha()}

    assert required <= set(output.split())
    assert {name.partition("==")[0] for name in output.split()} <= {
        *(line.partition("==")[0] for line in required),
        "pip",
        "setuptools",
    }
    assert os.access(runtime.server, os.X_OK)


def test_finds_what_is_complete(tmp_path: Path) -> None:
    runtime = built(tmp_path / "runtime")

    assert find_runtime(runtime.root) == runtime


@pytest.mark.usefixtures("refuse_to_run")
def test_nothing_is_built_twice(tmp_path: Path) -> None:
    runtime = built(tmp_path / "runtime")

    assert build_runtime(runtime.root) == runtime


def test_none(tmp_path: Path) -> None:
    with pytest.raises(TritonRuntimeError, match="glioserve-server runtime build, got none at"):
        find_runtime(tmp_path / "runtime")


@pytest.mark.parametrize(
    ("stamp", "complaint"),
    [
        ("{", "must have a readable stamp"),
        ("[]", "must be built from the present requirements"),
        ('{"requirements_sha256": "0", "python_version": "3.11"}', "must be built from the present requirements"),
    ],
)
def test_a_stamp_that_does_not_hold(tmp_path: Path, stamp: str, complaint: str) -> None:
    runtime = built(tmp_path / "runtime")
    (runtime.root / STAMP).write_text(stamp)

    with pytest.raises(TritonRuntimeError, match=complaint):
        find_runtime(runtime.root)


def test_something_is_missing(tmp_path: Path) -> None:
    runtime = built(tmp_path / "runtime")
    runtime.stub.unlink()

    with pytest.raises(TritonRuntimeError, match=r"must be complete.* got no triton_python_backend_stub"):
        find_runtime(runtime.root)


def fake_tool(folder: Path, name: str, body: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!{sys.executable}\nimport sys, pathlib\n{body}\n")
    (folder / name).chmod(0o755)


UV = """
with open(LOG, "a") as log: print(*sys.argv[1:], file=log)
if sys.argv[1] == "venv":
    root = pathlib.Path(sys.argv[-1])
    triton = root / "lib/python3.11/site-packages/pytriton/tritonserver"
    for path in (triton / "bin/tritonserver", triton / "python_backend_stubs/3.11/triton_python_backend_stub",
                 root / "lib/python3.11/site-packages/nvidia_pytriton.libs/lib.so"):
        path.parent.mkdir(parents=True)
        path.touch()
    (root / "bin").mkdir()
    (root / "bin/python3").write_text("#!/bin/sh\\necho 3.11\\n")
    (root / "bin/python3").chmod(0o755)
"""


def test_uv_builds_it_when_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    fake_tool(tmp_path / "tools", "uv", f"LOG = {str(log)!r}\n{UV}")
    monkeypatch.setenv("PATH", str(tmp_path / "tools"), prepend=os.pathsep)
    stale = built(tmp_path / "runtime")
    (stale.root / STAMP).write_text("{}")
    (stale.root / "old").touch()

    runtime = build_runtime(tmp_path / "runtime")

    assert runtime == find_runtime(tmp_path / "runtime")
    assert not (runtime.root / "old").exists()
    venv, install = log.read_text().splitlines()
    assert venv.startswith(f"venv --quiet --python {sys.executable} ")
    assert install.startswith("pip install --python ")
    assert "--no-deps" in install
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log", "runtime", "tools"]


def test_a_build_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_tool(tmp_path / "tools", "uv", "sys.exit('no such package')")
    monkeypatch.setenv("PATH", str(tmp_path / "tools"), prepend=os.pathsep)

    with pytest.raises(TritonRuntimeError, match="uv must build it, got no such package"):
        build_runtime(tmp_path / "runtime")

    assert [path.name for path in tmp_path.iterdir()] == ["tools"]


@pytest.mark.usefixtures("refuse_to_run")
def test_a_folder_of_somebody_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()

    with pytest.raises(TritonRuntimeError, match="must be built in a new or empty folder"):
        build_runtime(tmp_path)

    assert (tmp_path / "thesis.tex").exists()


def test_its_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(RUNTIME_VARIABLE, raising=False)
    project = Path(runtime_module.__file__).parents[2]
    assert default_root() == project / ".triton"

    monkeypatch.setenv(RUNTIME_VARIABLE, str(tmp_path))
    assert default_root() == tmp_path

    monkeypatch.delenv(RUNTIME_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(
        runtime_module, "__file__", str(tmp_path / "site-packages" / "serving" / "triton" / "runtime.py")
    )
    assert default_root() == tmp_path / "glioserve" / "triton"
