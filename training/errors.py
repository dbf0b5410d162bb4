"""The errors of this package."""

from __future__ import annotations


class TrainingError(ValueError):
    """A run that can't be started or continued as asked. Knows field, rule and what was got."""

    def __init__(self, field: str, rule: str, got: str) -> None:
        super().__init__(f"{field}: {rule}, got {got}")
        self.field = field
        self.rule = rule
        self.got = got
