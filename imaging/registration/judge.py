"""Whether two heads lie on each other, and whether a motion that was found may be used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from imaging.registration.errors import RegistrationError
from imaging.registration.motion import RigidMotion
from imaging.registration.pair import Pair
from imaging.registration.similarity import Comparison, Likeness

ALIGNED_MM = 1.0
"""Contrasts on one grid that are no further apart are left as they are: published, co-registered exams reach .5."""
MAX_OFFSET_MM = 3.0
"""A motion must lie this close to a peak of the similarity. Right ones did by 1.1 mm; most wrong ones had none near."""
MIN_OVERLAP = 0.5
"""Of the fixed head with the moving field of view: by a third of a head, far corners were wrong by up to 4 mm."""
MIN_INFORMATION = 0.15
"""Nats, where one shows a skull. Heads turned wrong reach .10, the least like two contrasts of one head had .32."""
MIN_INFORMATION_STRIPPED = 0.45
"""Nats. Brains turned wrong reach .44 by their outlines; contrasts of one brain had .77, one cut off halfway .51."""
MAX_ROTATION_DEG = 60.0
MAX_SHIFT_MM = 60.0
"""Between the middles of the heads as shown, which differ by what a field of view cuts off."""

_RIVAL_MM = 10.0
_RIVAL_SHARE = 0.95
"""A peak elsewhere with this share of the information is as good."""
_SAMPLES = 40_000
_ALIGNED_NUDGE_MM = 2.0
_PEAK_NUDGE_MM = 4.0
"""Thick slices make the similarity flat within a millimetre or two."""
_RADIUS_MM = 60.0


@dataclass(frozen=True, eq=False)
class Judge:
    """Judges motions of a pair by the fine level.

    Args:
        pair: The two heads.
        field: How the moving one is named in an error.
    """

    pair: Pair
    field: str

    @cached_property
    def _comparison(self) -> Comparison:
        moving, fixed = self.pair.fine
        return Comparison.of(moving, fixed, self.pair.fixed, self.pair.fixed.telling, samples=_SAMPLES)

    def at(self, motion: RigidMotion) -> Likeness:
        """Compare at a motion."""
        return self._comparison.at(motion)

    def offset_mm(self, motion: RigidMotion, *, nudge_mm: float) -> float:
        """About how far from a peak of the similarity a motion is, at the head's corners; infinite where none is near.

        By parabolas through the similarity at the motion and at nudges to both sides, along and about each axis.
        """
        here = self.at(motion).information
        peak = np.zeros(6)
        for way in np.eye(6):
            low, high = (self.at(self._nudged(motion, sign * nudge_mm * way)).information for sign in (-1.0, 1.0))
            if here <= max(low, high):
                return float("inf")
            peak += way * nudge_mm * (high - low) / (2.0 * (2.0 * here - low - high))
        return self._nudged(motion, peak).apart_mm(motion, self.pair.fixed.corners_mm)

    def _nudged(self, motion: RigidMotion, by_mm: npt.NDArray[np.float64]) -> RigidMotion:
        turn_deg = np.rad2deg(by_mm[3:] / _RADIUS_MM)
        nudge = RigidMotion.about(self.pair.fixed.centre_mm, rotation_deg=turn_deg, shift_mm=by_mm[:3])
        return motion.after(nudge)

    def is_aligned(self) -> bool:
        """Whether nothing needs to be done: as sent, the heads lie on each other."""
        return self.offset_mm(RigidMotion.identity(), nudge_mm=_ALIGNED_NUDGE_MM) <= ALIGNED_MM

    def accept(self, motion: RigidMotion, peaks: Sequence[RigidMotion]) -> Likeness:
        """What the motion reaches, if it may be used.

        Args:
            motion: What was found.
            peaks: Where the coarse search ended, from all starts.

        Raises:
            RegistrationError: The motion is one that no patient makes, too little is shown by both, the likeness is
                that of unlike things, lower than as sent or not the highest around, or another motion is as good.
        """
        self._check_plausible(motion)
        reached = self.at(motion)
        if reached.overlap < MIN_OVERLAP:
            self._refuse(f"field of view must hold {MIN_OVERLAP:.0%} of the head", f"{reached.overlap:.0%}")
        least = MIN_INFORMATION_STRIPPED if self.pair.outlined else MIN_INFORMATION
        least = max(least, self.at(RigidMotion.identity()).information)
        if reached.information < least:
            self._refuse(f"must share at least {least:.3f} nats once aligned", f"{reached.information:.3f}")
        offset_mm = self.offset_mm(motion, nudge_mm=_PEAK_NUDGE_MM)
        if not offset_mm <= MAX_OFFSET_MM:
            self._refuse(f"must fit best within {MAX_OFFSET_MM:g} mm of its alignment", f"{offset_mm:.1f} mm away")
        for peak in peaks:
            apart_mm = peak.apart_mm(motion, self.pair.fixed.corners_mm)
            if apart_mm > _RIVAL_MM and self.at(peak).information >= _RIVAL_SHARE * reached.information:
                self._refuse("must fit in one way only", f"another fit as good, {apart_mm:.0f} mm away")
        return reached

    def _check_plausible(self, motion: RigidMotion) -> None:
        if motion.rotation_deg > MAX_ROTATION_DEG:
            self._refuse(f"must be turned by at most {MAX_ROTATION_DEG:g} degrees", f"{motion.rotation_deg:.0f}")
        moving, fixed = self.pair.moving, self.pair.fixed
        apart_mm = float(np.linalg.norm(motion.apply(fixed.centre_mm[None])[0] - moving.centre_mm))
        if apart_mm > MAX_SHIFT_MM:
            rule = f"must show a head whose middle is at most {MAX_SHIFT_MM:g} mm off once aligned"
            self._refuse(rule, f"{apart_mm:.0f} mm")

    def _refuse(self, rule: str, got: str) -> None:
        raise RegistrationError(self.field, rule, got)
