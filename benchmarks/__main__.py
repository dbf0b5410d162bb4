"""All benchmarks, one after the other, each in a process of its own.

    python -m benchmarks [exam load ...] [--quick] [--again]

Those that have a record are passed over, so a run that was stopped goes on where it was; --again measures anew. --quick
takes the fewest pairs and exams: it shows that all of it runs, not how fast. Patients of GLIOSERVE_BRATS_DIR are worked
on where they are at hand, else phantoms. Records lie in benchmarks/results; `make performance` makes tables of them.
Exit code 1 if a benchmark failed. `brain`, `orientations` and `registration` measure quality and need data: run them by
themselves.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.record import RESULTS, Claim, kept
from benchmarks.workload import ROOT

QUICK: dict[str, Sequence[str]] = {
    "exam": ("--pairs", "1", "--slices", "4", "--widen", "1"),
    "load": ("--exams", "4", "--cases", "2", "--clients", "2", "--widen", "1"),
    "frames": ("--pairs", "1", "--scales", "0.5", "0.75", "1.0", "--frames", "128", "256", "--widen", "1"),
    "metrics": ("--pairs", "1", "--cases", "2"),
    "memory": ("--exams", "6", "--cases", "2"),
    "capacity": ("--cases", "1", "--exams", "3", "--loads", "0.5"),
    "synthesis": ("--pairs", "1", "--slices", "4"),
    "training_speed": ("--pairs", "1"),
}
"""The benchmarks in their order, with the options of a quick run."""


def main() -> int:
    """Run them; the exit code."""
    arguments = parse_arguments()
    failed = [name for name in arguments.names or QUICK if not run(name, arguments)]
    claims = [(name, claim) for name in QUICK if (record := kept(arguments.results, name)) for claim in record.claims]
    print(f"\n{sum(claim.met for _, claim in claims)} of {len(claims)} claims reached")
    for name, claim in claims:
        print(_line(name, claim))
    for name in failed:
        print(f"failed  {name}")
    return 1 if failed else 0


def run(name: str, arguments: argparse.Namespace) -> bool:
    """Whether a benchmark ran to its end, now or before."""
    if kept(arguments.results, name) and not arguments.again:
        print(f"== {name}: measured before", flush=True)
        return True
    print(f"\n== {name}", flush=True)
    started = time.monotonic()
    command = [sys.executable, "-m", f"benchmarks.{name}", "--results", str(arguments.results)]
    command += QUICK[name] if arguments.quick else ()
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    print(f"== {name}: {time.monotonic() - started:.0f} s, exit code {code}", flush=True)
    return code == 0


def _line(name: str, claim: Claim) -> str:
    return f"{name:<15} {claim.text()}"


def parse_arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(QUICK)}; all if none is named")
    parser.add_argument("--quick", action="store_true", help="the fewest pairs and exams")
    parser.add_argument("--again", action="store_true", help="measure what was measured before")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the records")
    arguments = parser.parse_args(given)
    if unknown := set(arguments.names) - QUICK.keys():
        parser.error(f"no benchmark is named {', '.join(sorted(unknown))}")
    arguments.results = arguments.results.absolute()
    return arguments


if __name__ == "__main__":
    sys.exit(main())
