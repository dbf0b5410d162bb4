"""The decisions recorded beside a generator: what it sees of a brain map, and what its answer means."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from imaging.brainmap.encode import MapChannels
from imaging.brainmap.intensity import WHITE_PERCENTILE
from imaging.brainmap.maps import BrainMapError
from imaging.errors import PlanError
from imaging.modality import Modality

LARGEST_MULTIPLE = 64
"""Seven components, as the paper has them: larger ones would not fit the golden maps, by which it is checked."""
_KEYS = ("bands_in_lesion", "contrasts", "draws", "multiple", "white_percentile")


@dataclass(frozen=True)
class GeneratorPlan:
    """How a generator is used. Stored as JSON in the `glioserve_plan` parameter of `config.pbtxt`.

    Args:
        channels: Which parts of a brain map it sees, and in which channels.
        draws: The contrasts that it draws, in the order of its output's channels.
        multiple: Of which a slice's height and width must be multiples; a power of 2, at most `LARGEST_MULTIPLE`.
        white_percentile: What an intensity of 1 stands for: this percentile of a contrast inside the brain, in the
            images that it learned from. The bands of a map are quarters of the same scale.

    Raises:
        PlanError: A value is out of its range.
    """

    channels: MapChannels
    draws: tuple[Modality, ...]
    multiple: int
    white_percentile: float = WHITE_PERCENTILE

    def __post_init__(self) -> None:
        if not self.draws or len(set(self.draws)) != len(self.draws):
            raise PlanError("draws", "must name at least one contrast, each once", ", ".join(self.draws) or "none")
        if type(self.multiple) is not int or self.multiple not in {2**n for n in range(LARGEST_MULTIPLE.bit_length())}:
            raise PlanError("multiple", f"must be a power of 2, at most {LARGEST_MULTIPLE}", f"{self.multiple}")
        if not 0.0 < self.white_percentile <= 100.0:
            raise PlanError("white_percentile", "must be above 0 and at most 100", f"{self.white_percentile}")

    def to_json(self) -> str:
        """The plan as one line of JSON, keys sorted."""
        return json.dumps(
            self.channels.to_json()
            | {
                "draws": [modality.value for modality in self.draws],
                "multiple": self.multiple,
                "white_percentile": self.white_percentile,
            },
            sort_keys=True,
        )

    @classmethod
    def from_json(cls, text: str) -> GeneratorPlan:
        """The plan that `to_json` wrote.

        Raises:
            PlanError: It is not JSON, has unknown or missing keys, or values of another type or out of range.
        """
        try:
            data: Any = json.loads(text)
        except json.JSONDecodeError as error:
            raise PlanError("glioserve_plan", "must be JSON", str(error)) from None
        if not isinstance(data, dict) or sorted(data) != list(_KEYS):
            got = f"{sorted(data)}" if isinstance(data, dict) else type(data).__name__
            raise PlanError("glioserve_plan", f"must be an object with the keys {list(_KEYS)}", got)
        if not isinstance(data["bands_in_lesion"], bool):
            raise PlanError("bands_in_lesion", "must be true or false", repr(data["bands_in_lesion"]))
        try:
            channels = MapChannels(_contrasts(data["contrasts"]), data["bands_in_lesion"])
            return cls(channels, _contrasts(data["draws"]), data["multiple"], data["white_percentile"])
        except BrainMapError as error:
            raise PlanError(error.field, error.rule, error.got) from None
        except (TypeError, ValueError) as error:
            if isinstance(error, PlanError):
                raise
            raise PlanError("glioserve_plan", "must hold known contrasts and numbers", str(error)) from None


def _contrasts(names: list[str]) -> tuple[Modality, ...]:
    return tuple(Modality(name) for name in names)
