"""How a cohort's folder is laid out: where a case's volumes and labels are, and how they are labelled."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from imaging.labels import LabelScheme
from imaging.modality import Modality
from serving.batch.spec.fields import Layout

_DIGITS = 5
"""Of an index; more where it is longer."""


@dataclass(frozen=True)
class LayoutRules:
    """The rules of one layout. All volumes and labels are `.nii.gz`; paths are relative to the cohort's folder.

    Args:
        prefix: What the names of cases begin with; it says that they are synthetic.
        suffix: What they end with, behind the index.
        volume: Path of a volume, of `{case}` and `{kind}`.
        labels: Path of a label map, of `{case}`.
        kinds: How contrasts are named; where they are not, they go by the number of their channel.
        scheme: Which value of a label map means which tissue.
    """

    prefix: str
    suffix: str
    volume: str
    labels: str
    kinds: Mapping[Modality, str]
    scheme: LabelScheme

    def case_id(self, index: int) -> str:
        """The name of a case. It follows from the index alone."""
        return f"{self.prefix}{index:0{_DIGITS}d}{self.suffix}"

    def index_of(self, case_id: str) -> int | None:
        """The index of a case of this name; None where this layout has no such name."""
        match = re.fullmatch(f"{re.escape(self.prefix)}([0-9]+){re.escape(self.suffix)}", case_id)
        index = int(match[1]) if match else None
        return index if index is not None and self.case_id(index) == case_id else None

    def volume_paths(self, case_id: str, modalities: Sequence[Modality]) -> dict[Modality, str]:
        """Where the volumes of a case are.

        Args:
            case_id: Of the case.
            modalities: Those that the cohort has; their order numbers nnU-Net's channels.
        """
        return {
            modality: self.volume.format(case=case_id, kind=self.kinds.get(modality, f"{channel:04d}"))
            for channel, modality in enumerate(modalities)
        }

    def label_path(self, case_id: str) -> str:
        """Where the labels of a case are."""
        return self.labels.format(case=case_id)


RULES: Mapping[Layout, LayoutRules] = MappingProxyType(
    {
        Layout.BRATS_2018: LayoutRules(
            prefix="Brats18_SYN_",
            suffix="_1",
            volume="{case}/{case}_{kind}.nii.gz",
            labels="{case}/{case}_seg.nii.gz",
            kinds=MappingProxyType({modality: modality.value for modality in Modality}),
            scheme=LabelScheme.BRATS_2018,
        ),
        Layout.BRATS_2023: LayoutRules(
            prefix="BraTS-SYN-",
            suffix="-000",
            volume="{case}/{case}-{kind}.nii.gz",
            labels="{case}/{case}-seg.nii.gz",
            kinds=MappingProxyType(
                {Modality.T1: "t1n", Modality.T1CE: "t1c", Modality.T2: "t2w", Modality.FLAIR: "t2f"}
            ),
            scheme=LabelScheme.BRATS_2023,
        ),
        # nnU-Net wants consecutive values: ED 1, NCR 2, ET 3, as its own conversion of BraTS has them.
        Layout.NNUNET_RAW: LayoutRules(
            prefix="synthetic_",
            suffix="",
            volume="imagesTr/{case}_{kind}.nii.gz",
            labels="labelsTr/{case}.nii.gz",
            kinds=MappingProxyType({}),
            scheme=LabelScheme.MSD,
        ),
    }
)


def layout_of(case_id: str) -> Layout | None:
    """The layout that has cases of this name; None where none has."""
    return next((layout for layout, rules in RULES.items() if rules.index_of(case_id) is not None), None)
