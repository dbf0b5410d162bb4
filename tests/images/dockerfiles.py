"""The four Dockerfiles, taken apart."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILES = {
    "gateway": ROOT / "serving" / "gateway.Dockerfile",
    "triton-cpu": ROOT / "serving" / "triton-cpu.Dockerfile",
    "batch": ROOT / "serving" / "batch.Dockerfile",
    "training": ROOT / "training" / "Dockerfile",
}


@dataclass(frozen=True)
class Instruction:
    """One instruction, its continued lines joined: `RUN`, and what follows."""

    keyword: str
    value: str


@dataclass(frozen=True)
class Stage:
    """What follows one FROM."""

    base: str
    name: str
    instructions: tuple[Instruction, ...]

    def values(self, keyword: str) -> list[str]:
        return [each.value for each in self.instructions if each.keyword == keyword]


def stages(path: Path) -> list[Stage]:
    """The stages of a Dockerfile, in order."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    found: list[Stage] = []
    for line in filter(None, map(str.strip, joined.splitlines())):
        keyword, _, value = line.partition(" ")
        if keyword == "FROM":
            base, _, name = value.partition(" AS ")
            found.append(Stage(base, name, ()))
        else:
            last = found.pop()
            found.append(Stage(last.base, last.name, (*last.instructions, Instruction(keyword, value.strip()))))
    return found
