"""A case as files: four volumes and their labels, marked as synthetic, the same bytes for the same case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from imaging.labels import LabelScheme
from imaging.modality import Modality
from imaging.nifti import write_nifti
from imaging.synthesis.case import SyntheticCase
from imaging.volume import Volume
from serving.batch.layouts import LayoutRules

DESCRIPTION = "synthetic, glioserve"
"""The `descrip` of every file's header."""
QUARANTINE = "quarantine"
"""The folder of cases that are set aside."""


@dataclass(frozen=True)
class CasePaths:
    """Where a case's files are, relative to the cohort's folder.

    Args:
        volumes: By contrast.
        labels: Of the label map.
    """

    volumes: Mapping[Modality, str]
    labels: str

    @classmethod
    def released(cls, rules: LayoutRules, case_id: str, modalities: Sequence[Modality]) -> CasePaths:
        """Of a case in the cohort."""
        return cls(MappingProxyType(rules.volume_paths(case_id, modalities)), rules.label_path(case_id))

    @classmethod
    def quarantined(cls, case_id: str, modalities: Sequence[Modality]) -> CasePaths:
        """Of a case that is set aside: `quarantine/<case>/t1.nii.gz`.

        Nothing that looks for cases by their names finds them: the names are no layout's.
        """
        folder = f"{QUARANTINE}/{case_id}"
        volumes = {modality: f"{folder}/{modality.value}.nii.gz" for modality in modalities}
        return cls(MappingProxyType(volumes), f"{folder}/seg.nii.gz")

    @property
    def all(self) -> tuple[str, ...]:
        """Volumes, then labels."""
        return (*self.volumes.values(), self.labels)


def encode_case(case: SyntheticCase, scheme: LabelScheme, paths: CasePaths) -> dict[str, bytes]:
    """The files of a case: volumes `int16`, labels `uint8`, all gzipped NIfTI.

    Args:
        case: What was made.
        scheme: How labels are written.
        paths: Where the files are to be, and so which contrasts are wanted.

    Returns:
        Content by path, in the order of `paths.all`.

    Raises:
        NiftiError: The case holds what NIfTI can't.
    """
    labels = Volume(scheme.from_regions(case.brain_map.regions), case.brain_map.grid)
    volumes = {path: case.exam.volumes[modality] for modality, path in paths.volumes.items()}
    return {
        path: write_nifti(volume, description=DESCRIPTION)
        for path, volume in (volumes | {paths.labels: labels}).items()
    }
