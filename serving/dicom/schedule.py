"""When which study is looked at. Times are those of a monotonic clock, in seconds."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field


@dataclass
class Schedule:
    """Studies with the time when they are due.

    Args:
        quiet_s: A study is due when no new image of it has come for so long.
        release_s: The same, once all associations that brought images of it were released.
    """

    quiet_s: float
    release_s: float
    _due_s: dict[str, float] = field(default_factory=dict)
    _open: dict[Hashable, set[str]] = field(default_factory=dict)

    def arrived(self, key: str, association: Hashable, now_s: float) -> None:
        """A new image of a study has come by an association."""
        self._open.setdefault(association, set()).add(key)
        self._due_s[key] = now_s + self.quiet_s

    def ended(self, association: Hashable, now_s: float, *, released: bool) -> None:
        """An association is over. One that broke may be made again, so its studies wait for the longer time."""
        for key in self._open.pop(association, set()):
            if released and key in self._due_s and not any(key in others for others in self._open.values()):
                self._due_s[key] = min(self._due_s[key], now_s + self.release_s)

    def at(self, key: str, when_s: float) -> None:
        """A study is due then, unless it is scheduled already, as new images have come."""
        self._due_s.setdefault(key, when_s)

    def take(self, now_s: float) -> str | None:
        """The study that has been due for longest, no longer scheduled; None where none is due."""
        key = min(self._due_s, key=self._due_s.__getitem__, default=None)
        if key is None or self._due_s[key] > now_s:
            return None
        del self._due_s[key]
        return key

    def wait_s(self, now_s: float) -> float | None:
        """Until the next study is due; None where none is scheduled."""
        return None if not self._due_s else max(0.0, min(self._due_s.values()) - now_s)

    def __len__(self) -> int:
        return len(self._due_s)
