"""Many clients at once: every answer as in a serial run, none lost, health answering throughout.

Starts `glioserve-server up` on free ports (or uses --server), segments the exams one after the other, then all again
by several clients at once, and compares the label maps bit by bit. Exams are the case folders of
GLIOSERVE_BRATS_DIR, or phantoms. Exit code 1 if an answer differs, is lost, or health took longer than a second.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from glioserve import Client, GlioserveError, Health

from imaging.phantom import make_phantom, write_phantom

SERVER = Path(sys.executable).with_name("glioserve-server")
READY = re.compile(r"ready on (\S+),")
HEALTH_PERIOD_S = 0.1
HEALTH_LIMIT_S = 1.0
RETRIES = 20


@dataclass(frozen=True)
class Timed:
    """An answer and how long it took, waiting included."""

    label_map: bytes
    seconds: float


def main() -> int:
    """Run the benchmark; the exit code."""
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory(prefix="glioserve-load-") as scratch:
        cases = find_cases(Path(scratch), arguments.cases)
        order = [cases[index % len(cases)] for index in range(arguments.exams)]
        with server(arguments) as address:
            return compare(address, cases, order, clients=arguments.clients)


def compare(address: str, cases: Sequence[Path], order: Sequence[Path], *, clients: int) -> int:
    """Serial run, then all at once; prints the table."""
    segment_one(address, cases[0])  # first calls allocate
    serial = {case: segment_one(address, case) for case in cases}
    with HealthWatch(address) as health, ThreadPoolExecutor(clients) as pool:
        started = time.perf_counter()
        answers = list(pool.map(lambda case: segment_one(address, case), order))
        wall_s = time.perf_counter() - started
    different = sum(answer.label_map != serial[case].label_map for answer, case in zip(answers, order, strict=True))
    seconds = [answer.seconds for answer in answers]
    alone = [answer.seconds for answer in serial.values()]
    print(f"exams              {len(answers)} of {len(order)} answered, {len(cases)} different ones, {clients} clients")
    print(f"identical          {len(answers) - different} of {len(answers)} label maps are those of the serial run")
    print(f"one alone          p50 {statistics.median(alone):.2f} s")
    print(f"all at once        p50 {statistics.median(seconds):.2f} s, p95 {p95(seconds):.2f} s, waiting included")
    print(f"throughput         {60 * len(answers) / wall_s:.1f} exams per minute, {wall_s:.1f} s in all")
    print(
        f"health             {len(health.seconds)} answers, p50 {1000 * statistics.median(health.seconds):.1f} ms, "
        f"slowest {1000 * max(health.seconds):.0f} ms, {health.failures} failed"
    )
    failed = different or health.failures or max(health.seconds) > HEALTH_LIMIT_S
    return 1 if failed else 0


def segment_one(address: str, case: Path) -> Timed:
    """One exam by a client of its own; a full queue is waited out as the server asks."""
    started = time.perf_counter()
    with Client(address) as client:
        result = client.segment(case, retries=RETRIES)
    return Timed(result.label_map.nifti_gz, time.perf_counter() - started)


@dataclass
class HealthWatch:
    """Asks for health ten times a second while its context lasts."""

    address: str
    seconds: list[float] = field(default_factory=list)
    failures: int = 0

    def __enter__(self) -> Self:
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        with Client(self.address) as client:
            while not self._done.wait(HEALTH_PERIOD_S):
                started = time.perf_counter()
                try:
                    self.failures += client.health() is not Health.SERVING
                except GlioserveError:
                    self.failures += 1
                self.seconds.append(time.perf_counter() - started)


def find_cases(scratch: Path, count: int) -> list[Path]:
    """Case folders: of patients where there are any, else phantoms."""
    if folder := os.environ.get("GLIOSERVE_BRATS_DIR"):
        cases = sorted(path for path in Path(folder).iterdir() if path.is_dir())[:count]
        print(f"{len(cases)} patients")
        return cases
    print(f"making {count} phantoms (set GLIOSERVE_BRATS_DIR for patients)")
    return [write_phantom(make_phantom(seed), scratch) for seed in range(count)]


@contextmanager
def server(arguments: argparse.Namespace) -> Iterator[str]:
    """The address of the server under test."""
    if arguments.server:
        yield arguments.server
        return
    command = [SERVER, "up", "--port", "0", "--metrics-port", "0", "--engine", arguments.engine]
    command += ["--models", arguments.models]
    environment = {**os.environ, "GLIOSERVE_LOG_LEVEL": "ERROR"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            ready = next(filter(None, map(READY.match, process.stdout or ())), None)
            if ready is None:
                raise SystemExit("the server did not become ready")
            yield ready[1]
        finally:
            process.terminate()


def p95(seconds: Sequence[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(seconds, n=20, method="inclusive")[-1] if len(seconds) > 1 else seconds[0]


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exams", type=int, default=20, help="how many are segmented at once")
    parser.add_argument("--cases", type=int, default=4, help="how many different ones")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--engine", default="triton", choices=("triton", "onnxruntime"))
    parser.add_argument("--models", default="models", help="the model repository")
    parser.add_argument("--server", help="HOST:PORT of a server that runs already")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
