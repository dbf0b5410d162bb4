"""The command `glioserve maps`, alone and plugged into the client's command line."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from glioserve.cli import app as glioserve
from glioserve.cli import plugins
from typer.testing import CliRunner

from imaging.brainmap.library import MapLibrary
from serving.maps_cli import app
from tests.imaging.brainmap.test_library_build import write_exam

ROOT = Path(__file__).resolve().parents[2]
run = CliRunner().invoke


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for number in range(2):
        write_exam(tmp_path / "data", number, seed=number)
    return tmp_path / "data"


def test_a_library_is_built_and_listed(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "maps"
    built = run(app, ["build", str(data), "--out", str(out)])
    assert built.exit_code == 0, built.output
    library = MapLibrary.open(out)
    assert built.stdout == f"2 maps, library {library.digest[:12]}\n"
    assert run(app, ["build", str(data), "--out", str(out)]).stdout == built.stdout, "it was done before"
    lines = run(app, ["list", str(out)]).stdout.splitlines()
    assert lines[0].split() == ["map", "uptake", "side", "WT", "ml", "TC", "ml", "ET", "ml"]
    assert [line.split()[0] for line in lines[1:3]] == [entry.digest[:12] for entry in library.entries]
    assert lines[3] == built.stdout.strip()


def test_the_list_for_programs(data: Path, tmp_path: Path) -> None:
    run(app, ["build", str(data), "--out", str(tmp_path / "maps")])
    document = json.loads(run(app, ["list", str(tmp_path / "maps"), "--json"]).stdout)
    library = MapLibrary.open(tmp_path / "maps")
    assert document["digest"] == library.digest
    assert [entry["digest"] for entry in document["maps"]] == [entry.digest for entry in library.entries]
    assert {(entry["enhancement"], entry["side"]) for entry in document["maps"]} == {("ring", "right")}


def test_a_declared_scheme_reaches_the_labels(data: Path, tmp_path: Path) -> None:
    done = run(app, ["build", str(data), "--out", str(tmp_path / "maps"), "--label-scheme", "brats2023"])
    assert done.exit_code == 1
    assert (
        "error: case 1 of 2: reference: must hold only the values [0, 1, 2, 3] of the scheme brats2023" in done.stderr
    )


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["build", "{here}/data", "--out", "{here}/file/maps"], "error: {here}/file/maps: Not a directory"),
        (["build", "{here}/empty", "--out", "{here}/maps"], "error: folder: must hold BraTS cases, got none"),
        (["list", "{here}/empty"], "error: library: must be a folder with a library.json, got none"),
    ],
)
@pytest.mark.usefixtures("data")
def test_faults_are_one_line(tmp_path: Path, arguments: list[str], line: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    done = run(app, [one.format(here=tmp_path) for one in arguments])
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1] == line.format(here=tmp_path)


@pytest.mark.parametrize(
    "arguments", [["build"], ["build", "nowhere", "--out", "x"], ["list"], ["list", "nowhere"], ["build", ".", "--oud"]]
)
def test_usage_errors_have_their_own_code(arguments: list[str]) -> None:
    assert run(app, arguments).exit_code == 2


def test_the_stacks_entry_points_lead_to_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = project["entry-points"][plugins.GROUP]
    assert set(declared) == set(plugins.STACK_COMMANDS)
    points = [EntryPoint(name, place, plugins.GROUP) for name, place in declared.items()]
    monkeypatch.setattr(plugins, "entry_points", lambda **_: points)
    for name in declared:
        done = run(glioserve, [name, "--help"])
        assert done.exit_code == 0, done.stderr
        assert f"Usage: root {name} " in done.stdout


def test_help_comes_without_what_a_build_needs() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from serving.maps_cli import app\n"
        "assert CliRunner().invoke(app, ['build', '--help']).exit_code == 0\n"
        "print(*sorted({'nilearn', 'sklearn', 'scipy.ndimage', 'imaging.brainmap.library'} & sys.modules.keys()))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == ""
