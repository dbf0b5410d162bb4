"""A raw exam: named modalities as they were acquired, each on a grid of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from imaging.errors import ExamError
from imaging.exam import Exam
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
        if not self.volumes:
            raise ExamError("exam", "must hold at least one modality", "none")
        if strangers := [str(key) for key in self.volumes if key not in set(Modality)]:
            raise ExamError("exam", f"must hold only {', '.join(Modality)}", f"also {', '.join(strangers)}")
        ordered = {modality: self.volumes[modality] for modality in Modality if modality in self.volumes}
        object.__setattr__(self, "volumes", MappingProxyType(ordered))

    @property
    def on_one_grid(self) -> bool:
        """Whether all modalities share one grid."""
        first, *others = self.volumes.values()
        return all(volume.grid.matches(first.grid) for volume in others)

    def as_exam(self) -> Exam:
        """The same volumes as an exam.

        Raises:
            ExamError: Two modalities hold the very same voxels.
            GeometryError: The modalities lie on different grids.
        """
        return Exam(self.volumes)
