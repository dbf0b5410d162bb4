"""How many replicas, how long a wait, at what cost: a load model, calibrated here and checked against real load.

    python -m benchmarks.capacity [--exams 40] [--loads 0.4 0.7 0.9] [--price 0.1]

A real Triton and a real gateway are measured: each exam alone, then as many together as there are workers. A simulation
of that replica is then asked for the latencies of exams that arrive at random, and the same exams are sent at the same
moments. Then it is asked what nobody can measure here: a day of 100, 10,000 and 1,000,000 exams, with an autoscaler.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

import numpy as np

from benchmarks.product import Product, running_product
from benchmarks.record import Claim, Record, Table, publish
from benchmarks.simulation.demand import DAY_S, HOURLY, day_times, poisson_times
from benchmarks.simulation.fleet import Simulated, simulate
from benchmarks.simulation.replica import Speeds
from benchmarks.simulation.scaling import Scaling
from benchmarks.workload import case_folders, common_options, options_of

TOLERANCE = 0.2
DAYS = (100, 10_000, 1_000_000)
BUSY = 0.7
"""Share of the workers that should be at work: with all of them, a new exam would wait until a replica has started."""
ROUNDS = 3
"""Of each exam alone; and of each, for each worker, together."""


@dataclass(frozen=True)
class Calibration:
    """What a replica does.

    Args:
        work_s: Of each case alone, the call of a client as a whole.
        speeds: Of several together.
    """

    work_s: tuple[float, ...]
    speeds: Speeds

    @property
    def capacity_per_s(self) -> float:
        """Exams in a second with all workers at work."""
        return self.speeds.together[-1] / float(np.mean(self.work_s))


def main() -> int:
    """Measure, simulate and print."""
    parser = common_options(__doc__, pairs=None)
    parser.add_argument("--cases", type=int, default=3, help="different exams")
    parser.add_argument("--exams", type=int, default=40, help="sent at each load")
    parser.add_argument("--loads", type=float, nargs="+", default=[0.4, 0.7, 0.9], help="as shares of the capacity")
    parser.add_argument("--workers", type=int, default=2, help="exams at one time in a gateway")
    parser.add_argument("--price", type=float, default=0.1, help="of a replica for an hour, in any currency")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    with tempfile.TemporaryDirectory(prefix="glioserve-capacity-") as scratch:
        folders, called = case_folders(arguments.cases, Path(scratch))
        with running_product(arguments.models, workers=arguments.workers) as product:
            calibration = calibrate(product, folders, workers=arguments.workers)
            checks = [check(product, folders, calibration, load, arguments.exams, rng) for load in arguments.loads]
    publish(the_record(arguments, called, calibration, checks, rng), arguments.results)
    return 0


def calibrate(product: Product, folders: Sequence[Path], *, workers: int) -> Calibration:
    """Each exam alone, then as many at one time as there are workers, and every number between."""
    for folder in folders:
        product.segment(folder)  # first calls allocate
    work = [float(np.median([_seconds(product, folder) for _ in range(ROUNDS)])) for folder in folders]
    together = [1.0]
    for running in range(2, workers + 1):
        order = list(islice(_in_turn(folders), ROUNDS * running * len(folders)))
        with ThreadPoolExecutor(running) as pool:
            started = time.perf_counter()
            list(pool.map(product.segment, order))
            wall_s = time.perf_counter() - started
        together.append(len(order) * float(np.mean(work)) / wall_s)
    return Calibration(tuple(work), Speeds(tuple(together)))


@dataclass(frozen=True, eq=False)
class Check:
    """One load, sent and simulated.

    Args:
        load: As a share of the capacity.
        measured_s: Latencies.
        predicted: The simulation's.
    """

    load: float
    measured_s: np.ndarray
    predicted: Simulated

    @property
    def off(self) -> float:
        """The predicted mean latency against the measured one, as a share."""
        return float(self.predicted.latencies_s.mean() / self.measured_s.mean() - 1)


def check(
    product: Product,
    folders: Sequence[Path],
    calibration: Calibration,
    load: float,
    exams: int,
    rng: np.random.Generator,
) -> Check:
    """Send exams at random moments, and ask the simulation about the same exams at the same moments."""
    arrivals = poisson_times(load * calibration.capacity_per_s, exams, rng)
    cases = rng.integers(len(folders), size=exams)
    predicted = simulate(arrivals, np.array(calibration.work_s)[cases], speeds=calibration.speeds)
    measured = np.zeros(exams)

    def send(index: int) -> None:
        measured[index] = _seconds(product, folders[cases[index]])

    started = time.perf_counter()
    senders = [threading.Thread(target=send, args=(index,)) for index in range(exams)]
    for sender, at_s in zip(senders, arrivals, strict=True):
        time.sleep(max(0.0, started + at_s - time.perf_counter()))
        sender.start()
    for sender in senders:
        sender.join()
    return Check(load, measured, predicted)


def the_record(
    arguments: argparse.Namespace,
    called: str,
    calibration: Calibration,
    checks: Sequence[Check],
    rng: np.random.Generator,
) -> Record:
    """All of it."""
    claims = [
        Claim(
            f"predicted mean latency at a load of {one.load:.0%}",
            f"within {TOLERANCE:.0%} of the measured",
            f"{one.off:+.0%}",
            abs(one.off) <= TOLERANCE,
        )
        for one in checks
    ]
    rows = [
        [
            f"{one.load:.0%}",
            f"{one.measured_s.mean():.2f} s",
            f"{one.predicted.latencies_s.mean():.2f} s",
            f"{np.percentile(one.measured_s, 95):.2f} s",
            f"{one.predicted.percentile_s(95):.2f} s",
        ]
        for one in checks
    ]
    checked = Table(
        f"{arguments.exams} exams at each load ({called}), arriving at random; one replica:",
        ["load", "mean, measured", "mean, predicted", "p95, measured", "p95, predicted"],
        rows,
    )
    scaling = Scaling(target=BUSY * arguments.workers)
    days = Table(
        f"A day, predicted. Replicas such as this one, {scaling.target:g} exams each in the mean, looked at every "
        f"{scaling.period_s:g} s, {scaling.start_s:g} s to start, {scaling.calm_s:g} s of calm before one goes; "
        f"{arguments.price:g} an hour and replica:",
        ["exams a day", "replicas, mean", "replicas, most", "p50", "p95", "p99", "cost a day", "cost per 1,000 exams"],
        [_day_row(exams, calibration, scaling, arguments.price, rng) for exams in DAYS],
    )
    speeds = ", ".join(f"{speed:.2f}" for speed in calibration.speeds.together)
    calibrated = (
        f"Calibration: {np.mean(calibration.work_s):.2f} s an exam alone; work done in a second by 1, 2, ... exams "
        f"together: {speeds}; {60 * calibration.capacity_per_s:.1f} exams a minute in all."
    )
    assumed = (
        "The spread of exams over the day (`benchmarks/simulation/demand.py`), the price (`--price`) and the time that "
        "a replica takes to start are assumptions."
    )
    return Record("capacity", options_of(arguments), claims, [checked, days], [calibrated, assumed])


def _day_row(
    exams: int, calibration: Calibration, scaling: Scaling, price: float, rng: np.random.Generator
) -> list[str]:
    arrivals = day_times(exams, rng)
    work = rng.choice(calibration.work_s, exams)
    first_hour = exams * HOURLY[0] / HOURLY.sum() / 3600
    replicas = max(scaling.least, math.ceil(first_hour / (BUSY * calibration.capacity_per_s)))
    found = simulate(arrivals, work, speeds=calibration.speeds, replicas=replicas, scaling=scaling)
    cost = price * found.replica_s / 3600
    return [
        f"{exams:,}",
        f"{found.replica_s / DAY_S:.1f}",
        f"{found.most_replicas}",
        *(f"{found.percentile_s(share):.1f} s" for share in (50, 95, 99)),
        f"{cost:.2f}",
        f"{1000 * cost / exams:.2f}",
    ]


def _seconds(product: Product, folder: Path) -> float:
    started = time.perf_counter()
    product.segment(folder)
    return time.perf_counter() - started


def _in_turn(folders: Sequence[Path]) -> Iterator[Path]:
    return (folders[index % len(folders)] for index in count())


if __name__ == "__main__":
    sys.exit(main())
