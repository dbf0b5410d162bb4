"""What one input did: an answer, a typed refusal, or something that must not be."""

from __future__ import annotations

import re
import resource
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

MAX_CPU_S = 10.0
"""Of one input, in this process; on a busy machine the clock on the wall tells nothing."""
MAX_GROWTH_BYTES = 128 * 1024 * 1024
"""Of the process's greatest resident memory, by one input of some kilobytes."""

Target = Callable[[bytes], str]
"""Works on an input and returns in a few words what became of it. Typed refusals are answers; whatever it raises is
a finding."""


@dataclass(frozen=True)
class Outcome:
    """Of one input.

    Args:
        told: Inputs of equal words took the same way. Numbers are left out.
        finding: It must not be.
        detail: A traceback, or a measure.
    """

    told: str
    finding: bool = False
    detail: str = ""


def judge(target: Target, data: bytes) -> Outcome:
    """Works on one input.

    Args:
        target: What is tried.
        data: The input.
    """
    before = _greatest_bytes()
    start = time.process_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            told = target(data)
    except Exception as error:  # noqa: BLE001 - what is looked for may be any
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name} {last.name}"
        return Outcome(f"{type(error).__name__} in {where}", finding=True, detail=traceback.format_exc())
    spent = time.process_time() - start
    if spent > MAX_CPU_S:
        return Outcome(f"slow: {told}", finding=True, detail=f"{spent:.1f} s of CPU time")
    grown = _greatest_bytes() - before
    if grown > MAX_GROWTH_BYTES:
        return Outcome(f"memory: {told}", finding=True, detail=f"{grown / 2**20:.0f} MiB more")
    return Outcome(told)


def without_numbers(text: str) -> str:
    """Text in which every number is `#`."""
    return re.sub(r"-?\d+(\.\d+)?(e[+-]?\d+)?", "#", text)


def _greatest_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
