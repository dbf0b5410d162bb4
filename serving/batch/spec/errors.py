"""The faults of a cohort's spec, each where it stands in the text, all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from serving.errors import Cause, ServingError


@dataclass(frozen=True, order=True)
class SpecFault:
    """One fault.

    Args:
        line: Where it stands, 1 for the first line; 0 where no text is at hand.
        column: In characters, 1 for the first.
        field: Dotted, e.g. `lesion.volume_ml`.
        rule: What must hold.
        got: What was found instead.
    """

    line: int
    column: int
    field: str
    rule: str
    got: str

    def text(self, name: str) -> str:
        """The fault as one line.

        Args:
            name: Of the spec's file.
        """
        where = f"{name}:{self.line}:{self.column}" if self.line else name
        return f"{where}: {self.field}: {self.rule}, got {self.got}"


class SpecError(ServingError):
    """A cohort's spec that can't be carried out. Its text has one line per fault.

    Args:
        name: Of the spec's file, as its author knows it.
        faults: All of them, at least one. `field`, `rule` and `got` are those of the first in the text.
    """

    cause = Cause.INVALID

    def __init__(self, name: str, faults: Sequence[SpecFault]) -> None:
        self.name = name
        self.faults = tuple(sorted(set(faults)))
        first = self.faults[0]
        super().__init__(first.field, first.rule, first.got)
        self.args = ("\n".join(fault.text(name) for fault in self.faults),)

    def __reduce__(self) -> tuple[type[SpecError], tuple[str, tuple[SpecFault, ...]]]:
        return type(self), (self.name, self.faults)
