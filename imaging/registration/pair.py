"""Two heads made alike for a comparison."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from imaging.registration.head import Head, Level
from imaging.volume import Volume


@dataclass(frozen=True, eq=False)
class Pair:
    """A moving head and a fixed one.

    Args:
        moving: The head that is to be brought onto the other.
        fixed: The other.
    """

    moving: Head
    fixed: Head

    @cached_property
    def coarse(self) -> tuple[Volume, Volume]:
        """Moving and fixed, `float32 [i, j, k]` from 0 to 1, of some 4 mm."""
        return self._look(self.moving.coarse), self._look(self.fixed.coarse)

    @cached_property
    def fine(self) -> tuple[Volume, Volume]:
        """Moving and fixed, likewise, of some 1 mm."""
        return self._look(self.moving.fine), self._look(self.fixed.fine)

    @property
    def outlined(self) -> bool:
        """Whether brains without skulls are compared. An outline that one alone has would be laid onto anything."""
        return self.moving.stripped and self.fixed.stripped

    def _look(self, level: Level) -> Volume:
        return level.outlined if self.outlined else level.intensities
