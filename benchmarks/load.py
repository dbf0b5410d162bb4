"""Many clients at once: throughput beside what the machine can do, latency, every answer right, health throughout.

    python -m benchmarks.load [--exams 16] [--clients 8] [--widen 2]

The machine's capacity is what the bare engine does in this process: the same micro-batches of the same exams, nothing
else. It is measured before and after the clients, and the mean of both counts. The fair share of a client is what an
exam would take if all of them shared that capacity. Every label map must be, byte for byte, that of a serial run.
Exit code 1 if an answer differs or is lost, or if health took longer than a second.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from glioserve import Client, GlioserveError, Health

from benchmarks.bare import BareEngine, Recorder, replay
from benchmarks.peers import MICRO_BATCH
from benchmarks.product import Product, running_product
from benchmarks.record import Claim, Record, Table, publish
from benchmarks.workload import case_folders, common_options, in_flight, options_of, repository
from imaging.brats import find_cases, load_exam
from imaging.pipeline.segment import segment
from serving.inference.catalog import repository_catalog

HEALTH_PERIOD_S = 0.1
HEALTH_LIMIT_S = 1.0


@dataclass(frozen=True)
class Timed:
    """An answer and how long it took, waiting included."""

    label_map: bytes
    seconds: float


@dataclass(frozen=True)
class Loaded:
    """What many clients saw.

    Args:
        answers: In the order of the exams.
        wall_s: From the first call to the last answer.
        different: Answers that are not those of the serial run.
        health: Seconds of each health check meanwhile.
        health_failures: Of those, how many found the server unhealthy.
    """

    answers: Sequence[Timed]
    wall_s: float
    different: int
    health: Sequence[float]
    health_failures: int

    @property
    def whole(self) -> bool:
        """Whether all is as it must be but for the time."""
        return not self.different and not self.health_failures and max(self.health) <= HEALTH_LIMIT_S


def main() -> int:
    """Measure and publish; the exit code."""
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory(prefix="glioserve-load-") as scratch, repository(arguments) as models:
        cases, called = case_folders(arguments.cases, Path(scratch))
        order = [cases[number % len(cases)] for number in range(arguments.exams)]
        capacity = Capacity(models, cases)
        before_s = capacity.seconds_per_exam()
        with running_product(models, workers=arguments.workers) as product:
            serial = {case: segment_one(product, case) for case in cases}
            loaded = at_once(product, order, serial, clients=arguments.clients)
        after_s = capacity.seconds_per_exam()
    record = describe(arguments, loaded, serial, capacity, called=called, engine_s=(before_s, after_s))
    publish(record, arguments.results)
    return 0 if loaded.whole else 1


class Capacity:
    """The bare engine, and the micro-batches of all exams."""

    def __init__(self, models: Path, cases: Sequence[Path]) -> None:
        self.engine = BareEngine(models)
        plans = repository_catalog(models).plans
        recorder = Recorder(self.engine)
        for folder in cases:
            (case,) = find_cases(folder)
            segment(load_exam(case), recorder, plans, micro_batch=MICRO_BATCH)
        self._batches, self._exams = recorder.batches, len(cases)

    def seconds_per_exam(self) -> float:
        """Of the engine alone, all cores at work."""
        started = time.perf_counter()
        replay(self.engine, self._batches, in_flight=in_flight())
        return (time.perf_counter() - started) / self._exams


def at_once(product: Product, order: Sequence[Path], serial: Mapping[Path, Timed], *, clients: int) -> Loaded:
    """All exams by several clients."""
    with HealthWatch(product.address) as health, ThreadPoolExecutor(clients) as pool:
        started = time.perf_counter()
        answers = list(pool.map(lambda case: segment_one(product, case), order))
        wall_s = time.perf_counter() - started
    different = sum(answer.label_map != serial[case].label_map for answer, case in zip(answers, order, strict=True))
    return Loaded(answers, wall_s, different, health.seconds, health.failures)


def segment_one(product: Product, case: Path) -> Timed:
    """One exam by a client of its own."""
    started = time.perf_counter()
    result = product.segment(case)
    return Timed(result.label_map.nifti_gz, time.perf_counter() - started)


def describe(
    arguments: argparse.Namespace,
    loaded: Loaded,
    serial: Mapping[Path, Timed],
    capacity: Capacity,
    *,
    called: str,
    engine_s: tuple[float, float],
) -> Record:
    """The record."""
    per_exam_s = statistics.mean(engine_s)
    exams = len(loaded.answers)
    share = per_exam_s * exams / loaded.wall_s * 100
    seconds = [answer.seconds for answer in loaded.answers]
    p95_s, fair_s = p95(seconds), per_exam_s * min(arguments.clients, exams)
    claims = [
        Claim(
            f"throughput with {arguments.clients} clients, of the bare engine's capacity",
            "at least 95 %",
            f"{share:.1f} %",
            share >= 95,
        ),
        Claim(
            "p95 latency, in fair shares of the bare engine's capacity",
            "below 2",
            f"{p95_s / fair_s:.2f}",
            p95_s < 2 * fair_s,
        ),
        Claim(
            "label maps that are those of the serial run, byte for byte",
            f"{exams} of {exams}",
            f"{exams - loaded.different} of {exams}",
            not loaded.different,
        ),
        Claim(
            "slowest answer about health meanwhile",
            "below 1 s, none failed",
            f"{max(loaded.health) * 1e3:.0f} ms of {len(loaded.health)}, {loaded.health_failures} failed",
            loaded.whole or (not loaded.health_failures and max(loaded.health) <= HEALTH_LIMIT_S),
        ),
    ]
    alone = [answer.seconds for answer in serial.values()]
    rows = [
        ["bare engine, before and after", f"{engine_s[0]:.2f} and {engine_s[1]:.2f}", f"{60 / per_exam_s:.1f}"],
        [
            "one client, one exam after the other",
            f"{statistics.median(alone):.2f}",
            f"{60 / statistics.mean(alone):.1f}",
        ],
        [
            f"{arguments.clients} clients",
            f"p50 {statistics.median(seconds):.2f}, p95 {p95_s:.2f}, waiting included",
            f"{60 * exams / loaded.wall_s:.1f}",
        ],
    ]
    table = Table(f"{exams} exams of {called}.", ["way", "seconds of an exam", "exams per minute"], rows)
    return Record("load", options_of(arguments), claims, [table], [f"Served: {capacity.engine.text()}."])


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
            while True:
                started = time.perf_counter()
                try:
                    self.failures += client.health() is not Health.SERVING
                except GlioserveError:
                    self.failures += 1
                self.seconds.append(time.perf_counter() - started)
                if self._done.wait(HEALTH_PERIOD_S):
                    return


def p95(seconds: Sequence[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(seconds, n=20, method="inclusive")[-1] if len(seconds) > 1 else seconds[0]


def parse_arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = common_options(__doc__, pairs=None, width=2)
    parser.add_argument("--exams", type=int, default=16, help="how many are segmented at once")
    parser.add_argument("--cases", type=int, default=4, help="how many different ones")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2, help="exams that the gateway works on at one time")
    return parser.parse_args(given)


if __name__ == "__main__":
    sys.exit(main())
