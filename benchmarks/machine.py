"""The machine that figures were measured on, in words."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_TELLING_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
_PACKAGES = ("numpy", "onnxruntime", "openvino", "torch", "monai", "medpy", "surface-distance", "SimpleITK")
_UNKNOWN = "unknown"


@dataclass(frozen=True)
class Machine:
    """What a figure depends on beside the code.

    Args:
        processor: Its name.
        cores: That this process may use.
        features: The instruction sets that decide how fast networks run.
        memory_gib: Of the machine.
        gpu: Its name; empty where there is none.
        load: Runnable processes over the last minute, before anything was measured.
        system: Kernel and Python.
        packages: `name version` of what takes part.
        revision: Of the project; with a `+` where files differ from it.
    """

    processor: str
    cores: int
    features: Sequence[str]
    memory_gib: float
    gpu: str
    load: float
    system: str
    packages: Sequence[str]
    revision: str

    def text(self) -> str:
        """One paragraph."""
        gpu = self.gpu or "no GPU"
        return (
            f"{self.processor}, {self.cores} cores ({', '.join(self.features) or 'no vector units known'}), "
            f"{self.memory_gib:.0f} GiB, {gpu}; load before {self.load:.1f}; {self.system}; "
            f"{', '.join(self.packages)}; revision {self.revision}."
        )


@cache
def this_machine() -> Machine:
    """The machine that this runs on, as it was when this was first called: before anything was measured."""
    fields = _processor_fields()
    flags = set(fields.get("flags", "").split())
    return Machine(
        processor=fields.get("model name", platform.processor() or _UNKNOWN),
        cores=cores(),
        features=[flag for flag in _TELLING_FLAGS if flag in flags],
        memory_gib=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30,
        gpu=_first_line(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]),
        load=os.getloadavg()[0],
        system=f"{platform.system()} {platform.release().partition('-')[0]}, Python {platform.python_version()}",
        packages=[f"{name} {found}" for name in _PACKAGES if (found := _version(name))],
        revision=_revision(),
    )


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor_fields() -> dict[str, str]:
    """What the kernel says of the first core."""
    try:
        first = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("\n\n")[0]
    except FileNotFoundError:  # another system than Linux
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _revision() -> str:
    revision = _first_line(["git", "-C", str(_ROOT), "rev-parse", "--short", "HEAD"]) or _UNKNOWN
    return f"{revision}+" if _first_line(["git", "-C", str(_ROOT), "status", "--porcelain"]) else revision


def _first_line(command: Sequence[str]) -> str:
    """What a program says first; empty where there is no such program, or it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.partition("\n")[0].strip() if done.returncode == 0 else ""
