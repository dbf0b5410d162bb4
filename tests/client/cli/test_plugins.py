"""Commands that other distributions add: found by their entry points, imported when they run, harmless when broken."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from glioserve.cli import app, plugins
from glioserve.cli.plugins import GROUP
from typer.testing import CliRunner

run = CliRunner().invoke

MODULE = '''
"""Somebody's commands."""
import typer

tools = typer.Typer(no_args_is_help=True, help="Somebody's tools.")

@tools.command()
def hammer(nail: str, *, twice: bool = False) -> None:
    typer.echo(f"{nail}{nail if twice else ''}")

@tools.command()
def saw() -> None:
    raise typer.Exit(1)

def greet(name: str, *, loud: bool = False) -> None:
    """Greet somebody."""
    typer.echo(name.upper() if loud else name)

NUMBER = 7
'''


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A real distribution on the path, with good commands and broken ones; the stack is not installed."""
    (tmp_path / "somebodys.py").write_text(MODULE)
    (tmp_path / "somebodys_broken.py").write_text("raise RuntimeError('no\\nluck')")
    info = tmp_path / "somebodys_tools-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: somebodys-tools\nVersion: 1.0\n")
    entries = {
        "tools": "somebodys:tools",
        "greet": "somebodys:greet",
        "broken": "somebodys_broken:app",
        "nothing": "somebodys:nothing",
        "number": "somebodys:NUMBER",
        "lost": "somebodys_lost:app",
        "segment": "somebodys:greet",
    }
    lines = "\n".join(f"{name} = {place}" for name, place in entries.items())
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{lines}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = plugins.entry_points
    monkeypatch.setattr(
        plugins,
        "entry_points",
        lambda **group: [one for one in found(**group) if one.name not in plugins.STACK_COMMANDS],
    )
    for name in ("somebodys", "somebodys_broken"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


@pytest.mark.usefixtures("installed")
def test_plugged_in_commands_run_with_their_options() -> None:
    assert run(app, ["greet", "ann", "--loud"]).stdout == "ANN\n"
    assert run(app, ["tools", "hammer", "in", "--twice"]).stdout == "inin\n"
    assert run(app, ["tools", "saw"]).exit_code == 1
    assert "Greet somebody." in run(app, ["greet", "--help"]).stdout
    assert "hammer" in run(app, ["tools", "--help"]).stdout


@pytest.mark.usefixtures("installed")
def test_their_usage_errors_are_those_of_glioserve() -> None:
    for arguments in (["greet"], ["greet", "ann", "--shout"], ["tools", "screw"]):
        done = run(app, arguments)
        assert done.exit_code == 2
        assert f"Usage: root {arguments[0]}" in done.stderr


@pytest.mark.usefixtures("installed")
def test_help_names_them_and_imports_none() -> None:
    done = run(app, ["--help"])
    assert done.exit_code == 0
    lines = [line.strip() for line in done.stdout.splitlines()]
    for name in ("broken", "greet", "lost", "nothing", "number", "tools"):
        assert any(line.startswith(name) and line.endswith("A command of somebodys-tools.") for line in lines)
    assert not {"somebodys", "somebodys_broken"} & sys.modules.keys()


@pytest.mark.usefixtures("installed")
def test_own_commands_are_not_replaced() -> None:
    done = run(app, ["segment", "--help"])
    assert "Segment one exam" in done.stdout
    assert "somebodys" not in sys.modules
    assert run(app, ["--help"]).stdout.count("\n  segment ") == 1


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("broken", "glioserve broken can't be loaded from somebodys_broken:app: RuntimeError: no luck"),
        ("nothing", "glioserve nothing can't be loaded from somebodys:nothing: AttributeError: "),
        (
            "number",
            "glioserve number can't be loaded from somebodys:NUMBER: TypeError: a command must be a typer.Typer",
        ),
        ("lost", "glioserve lost can't be loaded from somebodys_lost:app: ModuleNotFoundError: No module named"),
    ],
)
def test_a_broken_one_is_one_line_when_it_is_used(name: str, line: str) -> None:
    for arguments in ([name], [name, "--help"], [name, "x", "--y"]):
        done = run(app, arguments)
        assert done.exit_code == 1
        assert done.stderr.startswith(line)
        assert done.stderr.count("\n") == 1
        assert done.stdout == ""
    assert run(app, ["greet", "ann"]).exit_code == 0


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    "arguments", [["maps"], ["maps", "build", "x"], ["synthesize", "spec.yaml"], ["maps", "--help"]]
)
def test_commands_of_a_stack_that_is_not_installed_say_how_to_get_it(arguments: list[str]) -> None:
    done = run(app, arguments)
    assert done.exit_code == 2
    assert done.stderr == (f"glioserve {arguments[0]} is not installed here: pip install 'glioserve-stack[serving]'\n")
    assert arguments[0] not in run(app, ["--help"]).stdout.split()


def test_a_stack_without_its_extra_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    half = EntryPoint("maps", "module_that_is_missing:app", GROUP)
    monkeypatch.setattr(plugins, "entry_points", lambda **_: [half])
    done = run(app, ["maps", "list", "x"])
    assert done.exit_code == 2
    assert done.stderr == (
        "glioserve maps can't run: the module module_that_is_missing is missing: "
        "pip install 'glioserve-stack[serving]'\n"
    )


def test_unknown_commands_stay_unknown() -> None:
    done = run(app, ["mapz"])
    assert done.exit_code == 2
    assert "No such command 'mapz'" in done.stderr


def test_own_commands_look_for_no_others() -> None:
    code = (
        "from glioserve.cli import app, plugins\n"
        "def looked(**_): raise SystemExit('looked for plug-ins')\n"
        "plugins.entry_points = looked\n"
        "app(['segment', '--help'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
