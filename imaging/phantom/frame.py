"""Where phantoms lie: the frame of BraTS 2018, and the part of it that a brain can fill."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from imaging.geometry import Grid

Scalar = TypeVar("Scalar", bound=np.generic)

SHAPE = (240, 240, 155)
GRID = Grid(SHAPE, np.array([[-1.0, 0, 0, 0], [0, -1, 0, 239], [0, 0, 1, 0], [0, 0, 0, 1]]), "phantom")
"""1 mm voxels, I to the left, J to the back, K up (LPS)."""

CENTRE_VOXELS = (119.5, 129.0, 71.0)
"""Where the middle of a brain lies, on average."""

BOX = (slice(40, 200), slice(28, 222), slice(0, 155))
"""The voxels that are computed; all others are background."""

BOX_ORIGIN = (BOX[0].start, BOX[1].start, BOX[2].start)
BOX_SHAPE = (BOX[0].stop - BOX[0].start, BOX[1].stop - BOX[1].start, BOX[2].stop - BOX[2].start)


def to_frame(box: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
    """A volume of the box in the full frame, 0 around it."""
    framed = np.zeros(SHAPE, dtype=box.dtype)
    framed[BOX] = box
    return framed
