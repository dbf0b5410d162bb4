"""What memory the product takes: the gateway's peak for one exam, and whether it grows over many.

    python -m benchmarks.memory [--exams 200] [--widen 1]

Exams of different brains follow one another, two at a time, so that whatever is kept for every new extent of crop would
show. A line is fitted through the resident memory after each exam, the first fifth left out, in which buffers find
their size; flat means that it rises by less than 10 % over all exams. Linux alone tells these figures.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.product import Product, forget_peak, memory_mib, process_tree, running_product
from benchmarks.record import Claim, Record, Table, publish
from benchmarks.workload import case_folders, common_options, options_of, repository

LIMIT_MIB = 1000.0
MAX_RISE_PERCENT = 10.0
AT_ONCE = 2
SETTLING = 5
"""The first of so many parts of the exams, in which buffers find their size."""


def main() -> None:
    """Measure and publish."""
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory(prefix="glioserve-memory-") as scratch, repository(arguments) as models:
        cases, called = case_folders(arguments.cases, Path(scratch))
        with running_product(models, workers=AT_ONCE) as product:
            idle = memory_mib(product.gateway_pid)
            forget_peak(product.gateway_pid)
            product.segment(cases[0])
            one = memory_mib(product.gateway_pid, peak=True)
            forget_peak(product.gateway_pid)
            gateway, triton = follow(product, [cases[number % len(cases)] for number in range(arguments.exams)])
            peak = memory_mib(product.gateway_pid, peak=True)
    rises = [rise_percent(series) for series in (gateway, triton)]
    claims = [
        Claim("the gateway's peak memory for one exam", "below 1 GB", f"{one:.0f} MiB", one < LIMIT_MIB * 1e6 / 2**20),
        Claim(
            f"rise of the gateway's memory over {arguments.exams} exams",
            f"below {MAX_RISE_PERCENT:.0f} %",
            f"{rises[0]:+.1f} %",
            rises[0] < MAX_RISE_PERCENT,
        ),
        Claim(
            f"rise of Triton's memory over {arguments.exams} exams",
            f"below {MAX_RISE_PERCENT:.0f} %",
            f"{rises[1]:+.1f} %",
            rises[1] < MAX_RISE_PERCENT,
        ),
    ]
    rows = [
        ["gateway", f"{idle:.0f}", f"{one:.0f}", f"{peak:.0f}", *_places(gateway)],
        ["Triton and its models", "", "", "", *_places(triton)],
    ]
    columns = [
        "MiB",
        "idle",
        "peak, one exam",
        f"peak, {AT_ONCE} at a time",
        "after the first fifth",
        "halfway",
        "at the end",
    ]
    table = Table(f"{arguments.exams} exams of {called}, {AT_ONCE} at a time.", columns, rows)
    publish(Record("memory", options_of(arguments), claims, [table]), arguments.results)


def follow(product: Product, order: Sequence[Path]) -> tuple[list[float], list[float]]:
    """Resident memory of the gateway and of Triton's processes after each exam, MiB."""
    gateway, triton = [], []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(product.segment, order):
            gateway.append(memory_mib(product.gateway_pid))
            triton.append(sum(map(memory_mib, process_tree(product.triton_pid))))
    return gateway, triton


def rise_percent(series: Sequence[float]) -> float:
    """How far a fitted line rises over the settled part, in per cent of where it begins; 0 for one value."""
    settled = np.asarray(series[len(series) // SETTLING :])
    if len(settled) < 2:
        return 0.0
    slope, start = np.polyfit(np.arange(len(settled)), settled, 1)
    return float(slope * (len(settled) - 1) / start * 100)


def _places(series: Sequence[float]) -> list[str]:
    return [f"{series[place]:.0f}" for place in (len(series) // SETTLING, len(series) // 2, -1)]


def parse_arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = common_options(__doc__, pairs=None, width=1)
    parser.add_argument("--exams", type=int, default=200)
    parser.add_argument("--cases", type=int, default=4, help="how many different ones")
    return parser.parse_args(given)


if __name__ == "__main__":
    main()
