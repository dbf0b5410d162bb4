"""Label schemes: which integer means which tissue. Integers are used at the edges only."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import reduce
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from imaging.errors import LabelError
from imaging.regions import TISSUES_OF, Region, RegionMasks, Tissue


class LabelScheme(StrEnum):
    """A convention that says which label value stands for which tissue.

    A scheme is declared, never guessed from the values alone: a 4 is enhancing tumour in one scheme,
    a resection cavity or oedema in others.
    """

    BRATS_2018 = "brats2018"
    """BraTS 2017 to 2021."""
    BRATS_2023 = "brats2023"
    """BraTS 2023 adult glioma."""
    BRATS_2024_POST_TREATMENT = "brats2024-post-treatment"
    """BraTS 2024 and later, post-treatment glioma."""
    BRATS_PEDIATRIC = "brats-pediatric"
    """BraTS paediatric."""
    MSD = "msd"
    """Medical Segmentation Decathlon, task 1, and nnU-Net's copy of it."""

    @property
    def values(self) -> Mapping[Tissue, int]:
        """The label value of each tissue that the scheme knows."""
        return _VALUES[self]

    @classmethod
    def parse(cls, name: str, *, field: str = "label_scheme") -> LabelScheme:
        """The scheme of this name.

        Raises:
            LabelError: No scheme has this name.
        """
        try:
            return cls(name.strip().lower())
        except ValueError:
            known = ", ".join(scheme.value for scheme in cls)
            raise LabelError(field, f"must be one of {known}", repr(name[:40])) from None

    def to_regions(
        self, labels: npt.NDArray[np.generic], *, field: str = "labels"
    ) -> dict[Region, npt.NDArray[np.bool_]]:
        """Boolean region masks of a label array.

        Args:
            labels: Label values of any integral content, `[...]`.
            field: How the array is named in an error.

        Returns:
            One mask per region, `bool [...]`. Cysts and cavities belong to no region.

        Raises:
            LabelError: The array holds values that the scheme does not know.
        """
        tissues = {tissue: labels == value for tissue, value in self.values.items()}
        # Counting is many times faster than `np.unique`, which runs only where there is something to report.
        counted = labels.size - int(np.count_nonzero(labels)) + sum(map(int, map(np.count_nonzero, tissues.values())))
        if counted != labels.size:
            known = sorted({0, *self.values.values()})
            strangers = np.unique(labels[~np.isin(labels, known)]).tolist()
            raise LabelError(
                field,
                f"must hold only the values {known} of the scheme {self.value}",
                f"also {strangers[:5]}{' and more' if len(strangers) > 5 else ''}",
            )
        return {
            region: reduce(np.logical_or, (tissues[part] for part in parts)) for region, parts in TISSUES_OF.items()
        }

    def from_regions(self, masks: RegionMasks) -> npt.NDArray[np.uint8]:
        """A label array from nested region masks: ET, the rest of TC as NCR, the rest of WT as ED.

        Args:
            masks: `bool [...]` for each of WT, TC and ET, ET inside TC inside WT.

        Returns:
            Labels, `uint8 [...]`.

        Raises:
            LabelError: The masks are not of one shape, or not nested, so that labels would lose voxels.
        """
        wt, tc, et = masks[Region.WT], masks[Region.TC], masks[Region.ET]
        if not wt.shape == tc.shape == et.shape:
            raise LabelError("masks", "must have one shape", f"{wt.shape}, {tc.shape} and {et.shape}")
        outside = int(np.count_nonzero(et > tc)) + int(np.count_nonzero(tc > wt))
        if outside:
            raise LabelError("masks", "must be nested, ET inside TC inside WT", f"{outside} voxels outside")
        labels = np.zeros_like(wt, dtype=np.uint8)
        labels[wt] = self.values[Tissue.ED]
        labels[tc] = self.values[Tissue.NCR]
        labels[et] = self.values[Tissue.ET]
        return labels


_VALUES: Mapping[LabelScheme, Mapping[Tissue, int]] = MappingProxyType(
    {
        scheme: MappingProxyType(values)
        for scheme, values in (
            (LabelScheme.BRATS_2018, {Tissue.NCR: 1, Tissue.ED: 2, Tissue.ET: 4}),
            (LabelScheme.BRATS_2023, {Tissue.NCR: 1, Tissue.ED: 2, Tissue.ET: 3}),
            (LabelScheme.BRATS_2024_POST_TREATMENT, {Tissue.NCR: 1, Tissue.ED: 2, Tissue.ET: 3, Tissue.CAVITY: 4}),
            (LabelScheme.BRATS_PEDIATRIC, {Tissue.ET: 1, Tissue.NCR: 2, Tissue.CYST: 3, Tissue.ED: 4}),
            (LabelScheme.MSD, {Tissue.ED: 1, Tissue.NCR: 2, Tissue.ET: 3}),
        )
    }
)
