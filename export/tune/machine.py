"""The machine and the libraries that a record was made with."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

_CPU_FILE = Path("/proc/cpuinfo")
_TELLING_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
"""Those of a processor that decide which kernels are run."""
_PACKAGES = ("glioserve-stack", "numpy", "onnxruntime", "tritonclient")


@dataclass(frozen=True)
class Machine:
    """What times depend on.

    Args:
        processor: As it names itself.
        flags: Its instructions that matter to networks.
        cores: That this process may use.
        gpus: As the driver names them; none where there is none.
        versions: Of packages on this side.
    """

    processor: str
    flags: tuple[str, ...]
    cores: int
    gpus: tuple[str, ...]
    versions: dict[str, str]


def this_machine() -> Machine:
    """The machine that runs this."""
    names, flags = _cpu()
    return Machine(
        processor=names or platform.processor() or platform.machine(),
        flags=tuple(flag for flag in _TELLING_FLAGS if flag in flags),
        cores=cores(),
        gpus=gpus(),
        versions={name: metadata.version(name) for name in _PACKAGES},
    )


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


def gpus() -> tuple[str, ...]:
    """NVIDIA's GPUs, as their driver names them; none where there is no driver."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return ()
    asked = [command, "--query-gpu=name", "--format=csv,noheader"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603  # no shell
    return tuple(done.stdout.split("\n")[:-1]) if done.returncode == 0 else ()


def _cpu() -> tuple[str, frozenset[str]]:
    """Name and flags of the first processor; empty where the system does not tell."""
    if not _CPU_FILE.exists():
        return "", frozenset()
    facts: dict[str, str] = {}
    for line in _CPU_FILE.read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        facts.setdefault(key.strip(), value.strip())
    return facts.get("model name", ""), frozenset(facts.get("flags", "").split())
