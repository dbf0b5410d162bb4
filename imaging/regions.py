"""The three nested tumour regions that are segmented, scored and reported."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

BoolVolume = npt.NDArray[np.bool_]
RegionMasks = Mapping["Region", BoolVolume]
"""One boolean mask `[i, j, k]` per region, all of one shape."""


class Region(StrEnum):
    """A region of a glioma. ET is inside TC, TC is inside WT."""

    WT = "wt"
    """Whole tumour: NCR + ED + ET."""
    TC = "tc"
    """Tumour core: NCR + ET."""
    ET = "et"
    """Enhancing tumour."""


class Tissue(StrEnum):
    """A part of a tumour as it is labelled. Unlike regions, tissues do not overlap."""

    NCR = "ncr"
    """Necrotic and non-enhancing tumour core."""
    ED = "ed"
    """Peritumoural oedema."""
    ET = "et"
    """Enhancing tumour."""
    CYST = "cyst"
    """Cystic component (paediatric scheme); belongs to no region."""
    CAVITY = "cavity"
    """Resection cavity (post-treatment scheme); belongs to no region."""


TISSUES_OF: Mapping[Region, tuple[Tissue, ...]] = MappingProxyType(
    {
        Region.WT: (Tissue.NCR, Tissue.ED, Tissue.ET),
        Region.TC: (Tissue.NCR, Tissue.ET),
        Region.ET: (Tissue.ET,),
    }
)
"""The tissues that make up each region."""
