"""Which cases are shown."""

from __future__ import annotations

from collections.abc import Sequence

from serving.synthesis.provenance import Provenance

MONTAGE_CASES = 6
"""How many cases the page shows: enough to see what differs, few enough to look at."""


def choose_cases(provenances: Sequence[Provenance], count: int = MONTAGE_CASES) -> tuple[Provenance, ...]:
    """Cases from small to large tumours, evenly spread, the smallest and the largest among them.

    Args:
        provenances: Of the cases that were released, in any order.
        count: How many, at least 1; fewer where there are fewer.

    Returns:
        The chosen ones, by volume.
    """
    ordered = sorted(provenances, key=lambda one: (one.measures.wt_ml, one.index))
    if len(ordered) <= count:
        return tuple(ordered)
    last = len(ordered) - 1
    return tuple(ordered[round(step * last / max(count - 1, 1))] for step in range(count))
