"""Fuzzes a reader: `python -m tests.fuzz nifti hypothesis --minutes 30`.

The work is done by a process that is watched: if it is killed by a signal or hangs over an input, that input is a
finding, and another process goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from tests.fuzz.worker import MODULES, SEEDS

HANG_S = 120.0
"""On the wall's clock; a busy machine is no hang."""
START_S = 600.0
"""For the libraries, which are rewritten so that their coverage can be told."""
GRACE_S = 60.0
POLL_S = 2.0


def main() -> int:
    """Runs for the time asked for; 1 where there was a finding."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz the readers of files.")
    parser.add_argument("target", choices=MODULES)
    parser.add_argument("engine", choices=("hypothesis", "atheris"))
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("out/fuzz"))
    options = parser.parse_args()
    (SEEDS / options.target).mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + 60 * options.minutes
    findings = attempt = 0
    while (left := end - time.monotonic()) > 0:
        folder = options.out / f"{options.target}-{options.engine}-{options.seed}-{attempt}"
        folder.mkdir(parents=True, exist_ok=True)
        ended = _watch(options.target, options.engine, left, options.seed + 10_000 * attempt, folder)
        if not (folder / "status.json").exists():
            sys.exit(f"the run did not begin, see {folder / 'log'}")
        status = json.loads((folder / "status.json").read_text(encoding="utf-8"))
        print(options.target, options.engine, ended, json.dumps(status), flush=True)  # noqa: T201
        findings += len(status["findings"]) + (ended != "done")
        attempt += 1
    return 1 if findings else 0


def _watch(target: str, engine: str, seconds: float, seed: int, folder: Path) -> str:
    """One process, to its end: `done`, `hung`, or how it was killed."""
    command = [sys.executable, "-m", "tests.fuzz.worker", target, engine]
    command += [f"--seconds={seconds}", f"--seed={seed}", f"--folder={folder}"]
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    start = time.time()
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | threads) as child,
    ):
        while True:
            try:
                code = child.wait(POLL_S)
            except subprocess.TimeoutExpired:
                current = folder / "current"
                last = current.stat().st_mtime if current.exists() else start + START_S - HANG_S
                if time.time() - last < HANG_S and time.time() - start < seconds + GRACE_S:
                    continue
                child.kill()
                code = child.wait()
                if time.time() - last < HANG_S:
                    return "done"
                return _kept(current, "finding-hang", "hung")
            if code == 0:
                return "done"
            return _kept(folder / "current", "finding-crash", f"ended with {code}")


def _kept(current: Path, name: str, what: str) -> str:
    if current.exists():
        current.rename(current.with_name(name))
    return what


if __name__ == "__main__":
    sys.exit(main())
