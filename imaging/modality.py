"""The four MR contrasts of a glioma exam, and the channels made from them."""

from __future__ import annotations

from enum import StrEnum


class Modality(StrEnum):
    """An MR contrast. Values are the file suffixes of BraTS 2018 and 2021."""

    T1 = "t1"
    T1CE = "t1ce"
    T2 = "t2"
    FLAIR = "flair"


class Channel(StrEnum):
    """A network input, made from one or two normalised modalities."""

    T1 = "t1"
    T1CE = "t1ce"
    T2 = "t2"
    FLAIR = "flair"
    T1CE_MINUS_T1 = "t1ce_minus_t1"
    """The contrast uptake: difference of z-scored T1CE and T1, voxel by voxel (paper, section 2.4)."""

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """The modalities that this channel is made from."""
        if self is Channel.T1CE_MINUS_T1:
            return (Modality.T1CE, Modality.T1)
        return (Modality(self.value),)
