"""Where the search begins: as sent, middle on middle, and turned as looks best from there."""

from __future__ import annotations

from itertools import product

import numpy as np

from imaging.registration.motion import RigidMotion
from imaging.registration.pair import Pair
from imaging.registration.similarity import Comparison

_TURN_DEG = 18.0
"""Between the turns that are tried about each axis: a climb from 9 degrees off finds its peak."""
_SAMPLES = 8_000
_MIN_OVERLAP = 0.5


def find_starts(pair: Pair) -> tuple[RigidMotion, ...]:
    """Motions to begin from, two or three, none twice.

    World coordinates may have been lost, so that both heads start far apart; or the patient turned the head.
    """
    moving, fixed = pair.coarse
    comparison = Comparison.of(moving, fixed, pair.fixed, pair.fixed.around, samples=_SAMPLES)
    shift = pair.moving.centre_mm - pair.fixed.centre_mm
    angles = (0.0, -_TURN_DEG, _TURN_DEG)
    turned = [
        RigidMotion.about(pair.fixed.centre_mm, rotation_deg=np.array(turn), shift_mm=shift)
        for turn in product(angles, repeat=3)
    ]
    found = [comparison.at(motion) for motion in turned]
    scores = [each.information if each.overlap >= _MIN_OVERLAP else 0.0 for each in found]
    best = int(np.argmax(scores))
    as_sent = RigidMotion.identity()
    begin = [turned[0]] if best == 0 else [turned[0], turned[best]]
    return (as_sent, *begin) if comparison.at(as_sent).overlap >= _MIN_OVERLAP else tuple(begin)
