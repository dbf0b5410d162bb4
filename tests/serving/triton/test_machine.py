"""What Triton needs of a machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from serving.errors import Cause, EngineUnsupportedError
from serving.triton.machine import Machine, examine, libpython_folder, require_triton, this_machine

GOOD = Machine("Linux", "x86_64", (2, 35), "3.12", Path("/usr/lib"), 2**30, scratch_writable=True)


def test_a_good_machine() -> None:
    require_triton(GOOD)

    assert all(finding.ok and not finding.mend for finding in examine(GOOD))


@pytest.mark.parametrize(
    ("lack", "name", "got", "mend"),
    [
        ({"system": "Darwin", "architecture": "arm64"}, "platform", "Darwin arm64", "engine onnxruntime"),
        ({"architecture": "aarch64"}, "platform", "Linux aarch64", "run on Linux x86_64"),
        ({"glibc": (2, 31)}, "glibc", "2.31", "glibc 2.35 or newer"),
        ({"glibc": None}, "glibc", "none", "engine onnxruntime"),
        ({"libpython": None}, "libpython", "none", "apt-get install libpython3.12"),
        ({"shared_memory_bytes": 64 * 2**20}, "shared memory", "64 MiB free in /dev/shm", "--shm-size 256m"),
        ({"shared_memory_bytes": None}, "shared memory", "not writable", "give /dev/shm"),
        ({"scratch_writable": False}, "temporary folder", "not writable", "TMPDIR"),
    ],
)
def test_each_lack_is_named_with_its_mend(lack: dict[str, Any], name: str, got: str, mend: str) -> None:
    machine = replace(GOOD, **lack)

    [finding] = [finding for finding in examine(machine) if not finding.ok]

    assert (finding.name, finding.got) == (name, got)
    assert mend in finding.mend
    with pytest.raises(EngineUnsupportedError, match=name) as caught:
        require_triton(machine)
    assert caught.value.cause is Cause.PRECONDITION


def test_python_3_13_needs_no_library_of_the_machine() -> None:
    require_triton(replace(GOOD, python_version="3.13", libpython=None))


def test_libpython_is_found_beside_its_python(tmp_path: Path) -> None:
    assert libpython_folder(tmp_path, "3.99") is None

    (tmp_path / "lib64").mkdir()
    (tmp_path / "lib64" / "libpython3.99.so.1.0").touch()
    assert libpython_folder(tmp_path, "3.99") == tmp_path / "lib64"


def test_this_machine_is_described() -> None:
    machine = this_machine()

    assert machine.system
    assert machine.python_version.startswith("3.")
