"""A raw exam: named modalities as they were acquired, each on a grid of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from imaging.errors import ExamError
from imaging.modality import Modality
from imaging.volume import Volume


@dataclass(frozen=True, eq=False)
class RawExam:
    """One to four modalities of a patient at one time, on any grids. Valid once constructed.

    Raises:
        ExamError: There is no modality, or an unknown one.
    """

    volumes: Mapping[Modality, Volume]

    def __post_init__(self) -> None:
        object.__setattr__(self, "volumes", in_order(self.volumes))


def in_order(volumes: Mapping[Modality, Volume]) -> Mapping[Modality, Volume]:
    """The same volumes in the order of `Modality`, for reading alone.

    Raises:
        ExamError: There is none, or one of an unknown modality.
    """
    if not volumes:
        raise ExamError("exam", "must hold at least one modality", "none")
    if strangers := [str(key) for key in volumes if key not in set(Modality)]:
        raise ExamError("exam", f"must hold only {', '.join(Modality)}", f"also {', '.join(strangers)}")
    return MappingProxyType({modality: volumes[modality] for modality in Modality if modality in volumes})
