"""What a run has seen: counts, one input of each kind of outcome, and every kind of finding."""

from __future__ import annotations

import hashlib
import json
import resource
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.judge import Outcome, Target, judge

MAX_SEED_BYTES = 6 * 1024
"""Of an input that is kept; larger ones are counted alone."""
MAX_SEEDS = 90
"""Of one target."""
STATUS_EVERY_S = 5.0
_PAGE_BYTES = resource.getpagesize()


@dataclass
class Ledger:
    """Of one target.

    Args:
        target: What is tried.
        seeds: Where inputs are kept.
        folder: Where the run notes how far it is, with the input it works on.
    """

    target: Target
    seeds: Path
    folder: Path
    inputs: int = 0
    findings: dict[str, int] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)
    noted: float = 0.0
    warm_bytes: int = 0

    def __post_init__(self) -> None:
        for path in sorted(self.seeds.iterdir()):
            outcome = judge(self.target, path.read_bytes())
            if not outcome.finding:
                self.told[outcome.told] = 0

    def take(self, data: bytes) -> Outcome:
        """Works on an input, and keeps it if it did what none before did."""
        (self.folder / "current").write_bytes(data)
        outcome = judge(self.target, data)
        self.inputs += 1
        counts = self.findings if outcome.finding else self.told
        if outcome.told not in counts:
            self._keep(data, outcome)
        counts[outcome.told] = counts.get(outcome.told, 0) + 1
        if time.monotonic() - self.noted > STATUS_EVERY_S:
            self.note()
        return outcome

    def note(self) -> None:
        """Writes how far the run is."""
        self.noted = time.monotonic()
        resident = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
        if not self.warm_bytes and self.noted - self.started > 12 * STATUS_EVERY_S:
            self.warm_bytes = resident
        status = {
            "seconds": self.noted - self.started,
            "inputs": self.inputs,
            "outcomes": len(self.told),
            "findings": self.findings,
            "warm_mib": self.warm_bytes >> 20,
            "resident_mib": resident >> 20,
            "greatest_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
        }
        (self.folder / "status.json").write_text(json.dumps(status), encoding="utf-8")

    def _keep(self, data: bytes, outcome: Outcome) -> None:
        digest = hashlib.sha256(data).hexdigest()[:12]
        if outcome.finding:
            (self.folder / f"finding-{digest}.txt").write_text(f"{outcome.told}\n{outcome.detail}", encoding="utf-8")
            (self.folder / f"finding-{digest}").write_bytes(data)
        elif len(data) <= MAX_SEED_BYTES and len([*self.seeds.iterdir()]) < MAX_SEEDS:
            (self.seeds / digest).write_bytes(data)
