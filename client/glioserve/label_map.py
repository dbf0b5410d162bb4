"""The masks that a server sends back, on the grid of one of the exam's contrasts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, reduce

import numpy as np
import numpy.typing as npt

from glioserve.gzipped import GzippedNifti
from glioserve.nifti import Voxels
from glioserve.terms import LabelScheme, Region


@dataclass(frozen=True)
class Labels(GzippedNifti):
    """Whole numbers from 0 to 255."""

    @cached_property
    def array(self) -> npt.NDArray[np.uint8]:
        """The labels in the file's own voxel order, `uint8 [i, j, k]`, read-only.

        Raises:
            ValueError: As for `image`, or the file holds fewer voxels than its header says.
        """
        try:
            labels = np.asarray(self.image.dataobj).astype(np.uint8)
        except OSError:
            raise ValueError("a NIfTI file with fewer voxels than its header says") from None
        labels.flags.writeable = False
        return labels


@dataclass(frozen=True)
class LabelMap(Labels):
    """The tumour.

    Args:
        nifti_gz: See `GzippedNifti`.
        label_scheme: What its values mean.
        max_voxels: See `GzippedNifti`.
    """

    label_scheme: LabelScheme

    def mask(self, region: Region) -> npt.NDArray[np.bool_]:
        """The voxels of a region, `bool [i, j, k]`."""
        return labelled(self.array, self.label_scheme.region_labels[region])


def labelled(labels: Voxels, values: Iterable[int]) -> npt.NDArray[np.bool_]:
    """The voxels that have one of a few values. Comparing with each is far quicker than `numpy.isin`."""
    return reduce(np.logical_or, (labels == value for value in values))


@dataclass(frozen=True)
class BrainMask(Labels):
    """What a server took for the brain: 1 inside, 0 outside."""
