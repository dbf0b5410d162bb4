"""The command `glioserve-server dicom`: faults are one line and exit code 1."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.serving.dicom.running_node import COMMAND, node_environment

DESTINATION = {"destination_ae_title": "ARCHIVE", "destination_host": "127.0.0.1", "destination_port": 104}


def run(*arguments: str | Path, **settings: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, "dicom", *arguments],
        env=node_environment(settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({}, "error: destination_ae_title: must be set: GLIOSERVE_DICOM_DESTINATION_AE_TITLE, got nothing"),
        (DESTINATION | {"host": "0.0.0.0"}, "error: settings: beyond_loopback must be set"),  # noqa: S104 - refused
        (DESTINATION | {"server": "gateway.example:50051", "port": 0, "metrics_port": 0}, "error: server: "),
    ],
)
def test_settings_that_can_not_be(tmp_path: Path, settings: dict[str, object], line: str) -> None:
    done = run("--folder", tmp_path / "queue", **settings)
    assert done.returncode == 1
    assert done.stderr.startswith(line)
    assert done.stderr.count("\n") == 1


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = run("--folder", tmp_path / "queue", "--port", port, "--metrics-port", "0", **DESTINATION)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"error: port: must be free on 127.0.0.1, got {port}, OSError"


def test_without_the_extra(tmp_path: Path) -> None:
    """Blocking the module in `sys.modules` raises as its absence does."""
    code = (
        "import sys; sys.modules['pynetdicom'] = None; "
        f"sys.argv = ['glioserve-server', 'dicom', '--folder', {str(tmp_path)!r}]; "
        "from serving.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=node_environment(DESTINATION),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "pip install 'glioserve-stack[dicom]'" in done.stderr
