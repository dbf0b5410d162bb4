"""The golden maps: a fixed brain map whose images are recorded beside every generator, as `GoldenAnswer`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from imaging.brainmap.encode import MapChannels
from imaging.brainmap.maps import Lesion
from imaging.modality import Modality
from imaging.pipeline.golden import SIDE, SLICES

_LESIONS = ((26, 40, 13), (42, 24, 10))
"""Per slice: row and column of the lesion's centre, and its radius in voxels."""
_TISSUES = {
    Modality.T1: (1, 3, 2, 4, 1, 2, 2),
    Modality.T1CE: (1, 3, 2, 4, 1, 2, 4),
    Modality.T2: (4, 2, 3, 1, 4, 4, 3),
    Modality.FLAIR: (1, 2, 3, 4, 2, 4, 3),
}
"""Bands of fluid, white matter, grey matter and specks of the band that is left, then of NCR, ED and ET."""


def golden_maps(channels: MapChannels) -> npt.NDArray[np.uint8]:
    """Two procedural slices of a map that has every band of every contrast and every part of a lesion.

    Sums, products and comparisons of integers only: the same bytes on every platform and with every numpy.

    Args:
        channels: What the generator sees of a map.

    Returns:
        `uint8 [2, channel, 64, 64]`, 0 or 1; all 0 outside an ellipse.
    """
    row, column = np.mgrid[0:SIDE, 0:SIDE].astype(np.int64)
    from_centre = (row - 32) ** 2 * 9 + (column - 32) ** 2 * 12
    brain = from_centre <= 7800
    # Folds of the cortex: the border of white and grey matter goes in and out.
    folds = (row * 7 + column * 5) % 13 * 180
    tissue = np.where(from_centre <= 500, 0, np.where(from_centre + folds <= 6000, 1, 2))
    tissue[(row * 3 + column * 11) % 29 == 0] = 3
    lesion = np.zeros((SLICES, SIDE, SIDE), np.uint8)
    for index, (centre_row, centre_column, radius) in enumerate(_LESIONS):
        distance2 = (row - centre_row) ** 2 + (column - centre_column) ** 2
        for part, share in ((Lesion.ED, 4), (Lesion.ET, 2), (Lesion.NCR, 1)):
            lesion[index][brain & (16 * distance2 <= (share * radius) ** 2)] = part
    kind = np.where(lesion == Lesion.NONE, tissue, lesion + 3)
    bands = {
        modality: np.where(brain, np.asarray(table, np.uint8)[kind], np.uint8(0)).astype(np.uint8)
        for modality, table in _TISSUES.items()
    }
    return channels.encode(bands, lesion)
