"""Where the tumours are: their middles over a schematic brain, in three planes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from serving.synthesis.provenance import Provenance

MAX_POINTS = 500
"""More would make the page heavy and hide each other; every n-th case is shown then."""
_SIZE = 200
_MARGIN = 18

Place = tuple[float, float, float]


@dataclass(frozen=True)
class _View:
    """A plane.

    Args:
        name: Of the plane.
        outline: The `d` of a path around a brain that fills a square of 100.
        inner: Lines inside: the cleft between the hemispheres, or the cerebellum's border.
        letters: The patient's sides above, below, on the left and on the right of the picture.
        project: From shares of the brain's box along R, A, S to shares of the picture, right and down.
    """

    name: str
    outline: str
    inner: str
    letters: tuple[str, str, str, str]
    project: Callable[[Place], tuple[float, float]]


_VIEWS = (
    _View(
        "axial",
        "M50 0C66 0 82 10 90 28C98 44 100 60 95 74C89 91 70 100 50 100C30 100 11 91 5 74C0 60 2 44 10 28C18 10 34 0 50"
        " 0Z",
        "M50 0V26M50 74V100",
        ("A", "P", "R", "L"),
        lambda place: (1 - place[0], 1 - place[1]),
    ),
    _View(
        "coronal",
        "M50 0C74 0 92 14 98 38C103 58 94 72 84 77C80 90 66 98 50 98C34 98 20 90 16 77C6 72 -3 58 2 38C8 14 26 0 50 0Z",
        "M50 0V30M16 77C26 74 36 73 50 73C64 73 74 74 84 77",
        ("S", "I", "R", "L"),
        lambda place: (1 - place[0], 1 - place[2]),
    ),
    _View(
        "sagittal",
        "M44 0C72 0 96 16 99 44C101 60 96 68 90 72C88 88 76 94 64 90C60 96 54 100 48 98C44 90 42 82 38 78C20 80 2 68 1"
        " 48C0 22 18 0 44 0Z",
        "M60 72C70 66 82 66 90 72M38 78C46 78 54 76 60 72",
        ("S", "I", "A", "P"),
        lambda place: (1 - place[1], 1 - place[2]),
    ),
)


def places(cases: Sequence[Provenance]) -> str:
    """The three planes side by side. Radiological: the patient's right is on the left of axial and coronal pictures."""
    shown = cases[:: -(-len(cases) // MAX_POINTS)] if cases else ()
    return f'<div class="places">{"".join(_figure(view, shown) for view in _VIEWS)}</div>'


def _figure(view: _View, cases: Sequence[Provenance]) -> str:
    scale = _SIZE - 2 * _MARGIN
    points = []
    for case in cases:
        across, down = view.project(case.measures.centroid_share)
        points.append(f'<circle cx="{_MARGIN + across * scale:.1f}" cy="{_MARGIN + down * scale:.1f}" r="3.2"/>')
    above, below, left, right = view.letters
    middle = _SIZE / 2
    letters = "".join(
        f'<text x="{x:g}" y="{y:g}" text-anchor="middle">{letter}</text>'
        for letter, x, y in (
            (above, middle, 12),
            (below, middle, _SIZE - 3),
            (left, 8, middle + 4),
            (right, _SIZE - 8, middle + 4),
        )
    )
    return (
        f'<figure><svg viewBox="0 0 {_SIZE} {_SIZE}" role="img" aria-label="Middles of the tumours, {view.name}">'
        f'<g transform="translate({_MARGIN} {_MARGIN}) scale({scale / 100:g})">'
        f'<path class="brain" d="{view.outline}"/><path class="fold" d="{view.inner}"/></g>'
        f'<g class="points">{"".join(points)}</g>{letters}</svg><figcaption>{view.name}</figcaption></figure>'
    )
