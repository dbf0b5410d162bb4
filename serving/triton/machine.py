"""What Triton needs of a machine, and what of that this one has."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from serving.errors import EngineUnsupportedError
from serving.triton.runtime import TritonRuntime

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 (where Linux keeps it)
SMALLEST_GLIBC = (2, 35)
SMALLEST_SHARED_MEMORY_BYTES = 256 * 2**20
"""Triton's Python backend keeps the tensors of running calls there: 32 MiB for each of seven instances of models."""

_BUNDLED_LIBPYTHON = "3.13"
"""The Python whose library comes with the server's wheel; that of 3.11 and 3.12 must come from the machine."""
_OTHER_ENGINE = "or use the engine onnxruntime"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Args:
        name: What, e.g. `glibc`.
        ok: Whether it is as needed.
        got: What was found.
        mend: What to do about it; empty when ok.
    """

    name: str
    ok: bool
    got: str
    mend: str = ""


@dataclass(frozen=True)
class Machine:
    """The facts about a machine that matter to Triton.

    Args:
        system: As of `platform.system()`, e.g. `Linux`.
        architecture: As of `platform.machine()`, e.g. `x86_64`.
        glibc: Version of the C library; None where it is another one.
        python_version: Of the Python that would run models, e.g. `3.11`.
        libpython: Folder of that Python's shared library; None if there is none.
        shared_memory_bytes: Free in `/dev/shm`; None if that is missing or can't be written.
        scratch_writable: Whether temporary files can be made.
    """

    system: str
    architecture: str
    glibc: tuple[int, int] | None
    python_version: str
    libpython: Path | None
    shared_memory_bytes: int | None
    scratch_writable: bool


def this_machine(runtime: TritonRuntime | None = None) -> Machine:
    """The facts about this machine.

    Args:
        runtime: Its Python is looked at; the Python that runs this, of which one would be built, if not given.
    """
    python_version = runtime.python_version if runtime else f"{sys.version_info.major}.{sys.version_info.minor}"
    base_prefix = runtime.base_prefix if runtime else Path(sys.base_prefix)
    return Machine(
        system=platform.system(),
        architecture=platform.machine(),
        glibc=_glibc(),
        python_version=python_version,
        libpython=libpython_folder(base_prefix, python_version),
        shared_memory_bytes=shutil.disk_usage(SHARED_MEMORY).free if _writable(SHARED_MEMORY) else None,
        scratch_writable=_writable(Path(tempfile.gettempdir())),
    )


def examine(machine: Machine) -> list[Finding]:
    """What the machine has and lacks, the gravest first."""
    version = machine.python_version
    glibc = "none" if machine.glibc is None else ".".join(map(str, machine.glibc))
    free_mib = None if machine.shared_memory_bytes is None else machine.shared_memory_bytes // 2**20
    wanted_mib = SMALLEST_SHARED_MEMORY_BYTES // 2**20
    return [
        _finding(
            "platform",
            machine.system == "Linux" and machine.architecture == "x86_64",
            f"{machine.system} {machine.architecture}",
            f"run on Linux x86_64, {_OTHER_ENGINE}",
        ),
        _finding(
            "glibc",
            machine.glibc is not None and machine.glibc >= SMALLEST_GLIBC,
            glibc,
            f"use a distribution with glibc 2.35 or newer (Ubuntu 22.04, Debian 12, RHEL 10), {_OTHER_ENGINE}",
        ),
        _finding(
            "libpython",
            machine.libpython is not None or version == _BUNDLED_LIBPYTHON,
            str(machine.libpython or (f"with Triton ({version})" if version == _BUNDLED_LIBPYTHON else "none")),
            f"install libpython{version} (Debian, Ubuntu: apt-get install libpython{version}), "
            f"or use Python {_BUNDLED_LIBPYTHON}, which needs none",
        ),
        _finding(
            "shared memory",
            free_mib is not None and free_mib >= wanted_mib,
            "not writable" if free_mib is None else f"{free_mib} MiB free in {SHARED_MEMORY}",
            f"give {SHARED_MEMORY} {wanted_mib} MiB (a container: docker run --shm-size {wanted_mib}m)",
        ),
        _finding(
            "temporary folder",
            machine.scratch_writable,
            "writable" if machine.scratch_writable else "not writable",
            "make the temporary folder writable, or name another in TMPDIR",
        ),
    ]


def require_triton(machine: Machine) -> None:
    """Make sure that Triton can run on a machine.

    Raises:
        EngineUnsupportedError: It can't; the text says why, and how to mend it.
    """
    lacking = [finding for finding in examine(machine) if not finding.ok]
    if lacking:
        rule = f"{lacking[0].name} must do for Triton; {lacking[0].mend}"
        raise EngineUnsupportedError("triton", rule, lacking[0].got)


def libpython_folder(base_prefix: Path, python_version: str) -> Path | None:
    """Where a Python's shared library is.

    Args:
        base_prefix: Where that Python is installed (not a virtual environment made from it).
        python_version: Of it, e.g. `3.11`.
    """
    folders = (
        base_prefix / "lib",
        base_prefix / "lib64",
        base_prefix / "lib" / "x86_64-linux-gnu",
        Path("/usr/lib/x86_64-linux-gnu"),
        Path("/usr/lib64"),
    )
    return next((folder for folder in folders if (folder / f"libpython{python_version}.so.1.0").exists()), None)


def _finding(name: str, ok: bool, got: str, mend: str) -> Finding:  # noqa: FBT001 (the fields, in order)
    return Finding(name, ok, got, "" if ok else mend)


def _glibc() -> tuple[int, int] | None:
    name, version = platform.libc_ver()
    if name != "glibc":
        return None
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def _writable(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.W_OK)
