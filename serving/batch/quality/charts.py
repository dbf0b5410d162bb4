"""Charts as inline SVG: classes are styled by the page, so that they follow light and dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import numpy as np

from serving.batch.quality.facts import Share, Volumes

_WIDTH, _HEIGHT = 360, 132
_LEFT, _RIGHT, _BASE, _TOP = 10, 350, 108, 10
_BINS = 18
_BAR_WIDTH, _BAR_HEIGHT = 240, 18
_TICKS_ML = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 400)


def histogram(volumes: Volumes, span_ml: tuple[float, float], *, asked_ml: tuple[float, float] | None) -> str:
    """How many cases have which volume, over a logarithmic axis.

    Args:
        volumes: Of one region.
        span_ml: What the axis shows.
        asked_ml: The range that was asked for, marked behind the bars; None where none was.
    """
    low, high = (math.log(end) for end in span_ml)

    def across(value_ml: float) -> float:
        share = (math.log(value_ml) - low) / (high - low)
        return _LEFT + (_RIGHT - _LEFT) * min(max(share, 0.0), 1.0)

    counts, edges = np.histogram(np.log(volumes.values_ml), bins=_BINS, range=(low, high))
    tallest = max(int(counts.max()), 1)
    parts = []
    if asked_ml is not None:
        first, last = across(asked_ml[0]), across(asked_ml[1])
        parts.append(
            f'<rect class="asked" x="{first:.1f}" y="{_TOP}" width="{max(last - first, 1.5):.1f}" '
            f'height="{_BASE - _TOP}"/>'
        )
    step = (_RIGHT - _LEFT) / _BINS
    for number, count in enumerate(counts.tolist()):
        if count:
            height = max((_BASE - _TOP - 6) * count / tallest, 1.5)
            label = f"{math.exp(edges[number]):.3g} to {math.exp(edges[number + 1]):.3g} ml: {count}"
            parts.append(
                f'<rect class="fill" x="{_LEFT + number * step + 0.75:.1f}" y="{_BASE - height:.1f}" '
                f'width="{step - 1.5:.1f}" height="{height:.1f}" rx="1.5"><title>{label}</title></rect>'
            )
    parts.append(f'<path class="axis" d="M{_LEFT} {_BASE}H{_RIGHT}"/>')
    for tick in _TICKS_ML:
        if span_ml[0] <= tick <= span_ml[1]:
            parts.append(f'<path class="axis" d="M{across(tick):.1f} {_BASE}v4"/>')
            parts.append(f'<text x="{across(tick):.1f}" y="{_BASE + 17}" text-anchor="middle">{tick:g}</text>')
    name = f"Volumes of {volumes.region.name} in ml, {len(volumes.values_ml)} cases"
    return (
        f'<svg class="chart {volumes.region.value}" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{name}">{"".join(parts)}</svg>'
    )


def span_of(volumes: Sequence[Volumes], asked_ml: tuple[float, float]) -> tuple[float, float]:
    """An axis on which all volumes and the range that was asked for fit, from tick to tick."""
    values = [value for each in volumes for value in each.values_ml]
    low, high = min([*values, asked_ml[0]]), max([*values, asked_ml[1]])
    below = [tick for tick in _TICKS_ML if tick <= low]
    above = [tick for tick in _TICKS_ML if tick >= high]
    return (below[-1] if below else low), (above[0] if above else high)


def share_rows(shares: Sequence[Share]) -> str:
    """Shares as bars: what came is filled, what was asked for is a line across."""
    rows = []
    for share in shares:
        asked = ""
        mark = ""
        if share.asked is not None:
            asked = f"<em>asked {share.asked:.0%}</em>"
            mark = f'<path class="mark" d="M{1 + share.asked * (_BAR_WIDTH - 2):.1f} 0V{_BAR_HEIGHT}"/>'
        bar = (
            f'<svg class="bar" viewBox="0 0 {_BAR_WIDTH} {_BAR_HEIGHT}" preserveAspectRatio="none" aria-hidden="true">'
            f'<rect class="track" x="0" y="5" width="{_BAR_WIDTH}" height="8" rx="4"/>'
            f'<rect class="fill" x="0" y="5" width="{share.share * _BAR_WIDTH:.1f}" height="8" rx="4"/>{mark}</svg>'
        )
        rows.append(
            f'<li><span title="{escape(share.name)}">{escape(share.name)}</span>{bar}'
            f"<b>{share.came:,} <small>{share.share:.0%}</small></b>{asked}</li>"
        )
    return f'<ul class="shares">{"".join(rows)}</ul>'


def limit_bar(share: float, limit: float) -> str:
    """A share from 0 to 1, and the limit that it must not exceed."""
    return (
        f'<svg class="bar wide" viewBox="0 0 {_BAR_WIDTH} {_BAR_HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{share:.1%} of at most {limit:.1%}">'
        f'<rect class="track" x="0" y="5" width="{_BAR_WIDTH}" height="8" rx="4"/>'
        f'<rect class="fill" x="0" y="5" width="{share * _BAR_WIDTH:.1f}" height="8" rx="4"/>'
        f'<path class="mark" d="M{1 + limit * (_BAR_WIDTH - 2):.1f} 0V{_BAR_HEIGHT}"/></svg>'
    )
