"""Left or right, of the patient."""

from __future__ import annotations

from enum import StrEnum


class Side(StrEnum):
    """A hemisphere, as the patient has it."""

    LEFT = "left"
    RIGHT = "right"
