"""One contrast as pictures are made from it: grey values on its own grid, and where they lie in what is drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glioserve.errors import LocalInputError
from glioserve.render.planes import Plane
from glioserve.render.sampling import Affine, Shape, moved, plane_positions, trilinear
from glioserve.results import Preparation

WINDOW_PERCENTILES = (1.0, 99.7)
"""Black and white of a picture, percentiles of the brain's voxels."""
HEADROOM = 1.15
"""White lies this much above the upper percentile where the brain is known: vessels and rims stay below it."""
MAX_WINDOW_POINTS = 50_000
"""Points of the brain that a window is found from."""


@dataclass(frozen=True, eq=False)
class Contrast:
    """Grey values with their place. The frame is the grid of the label map, in RAS+ order.

    Args:
        grey: `uint8 [i, j, k]`, RAS+ order, on the contrast's own grid.
        placed: The frame's voxel indices to this grid's, as the contrast was segmented, `float64 [4, 4]`.
        as_sent: The same by the world coordinates of the files alone.
    """

    grey: npt.NDArray[np.uint8]
    placed: Affine
    as_sent: Affine

    def picture(
        self,
        plane: Plane,
        index: float,
        *,
        origin: tuple[int, int, int],
        shape: Shape,
        size: tuple[int, int],
        as_sent: bool = False,
    ) -> npt.NDArray[np.uint8]:
        """One slice of a crop of the frame.

        Args:
            plane: Which way it is cut.
            index: Voxel index in the crop, along the plane's axis.
            origin: Where the crop begins in the frame, voxels.
            shape: Of the crop, voxels.
            size: Width and height of the picture, pixels.
            as_sent: Leave the motion of the registration out.

        Returns:
            `uint8 [row, column]`, in the orientation of `Plane.cut`.
        """
        positions = plane_positions(plane, index, shape, size) + np.array(origin, dtype=float).reshape(3, 1, 1)
        values = trilinear(self.grey, moved(self.as_sent if as_sent else self.placed, positions))
        return (values + 0.5).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class Frame:
    """The grid that is drawn.

    Args:
        shape: Voxels, RAS+ order.
        affine: Its voxel indices to the world of the contrast whose grid it is, RAS+ mm, `float64 [4, 4]`.
        to_t1ce: That world to the T1CE's, `float64 [4, 4]`.
        brain: Voxel indices of points within the brain, `float64 [3, n]`; None where no brain mask came back.
    """

    shape: Shape
    affine: Affine
    to_t1ce: Affine
    brain: npt.NDArray[np.float64] | None


def place(
    voxels: npt.NDArray[np.float32], affine: Affine, frame: Frame, preparation: Preparation | None, *, field: str
) -> Contrast:
    """A contrast in the frame.

    Args:
        voxels: `float32 [i, j, k]`, RAS+ order.
        affine: Their indices to the contrast's world, RAS+ mm.
        frame: What is drawn.
        preparation: What was done to the contrast; None where the server does not tell.
        field: How the contrast is called in an error.

    Raises:
        LocalInputError: The contrast was used as it is, and is on another grid than the label map.
    """
    if preparation is None or not (preparation.registered or preparation.resampled):
        if voxels.shape != frame.shape:
            raise LocalInputError(field, "must be on the grid of the label map to be drawn", f"shape {voxels.shape}")
        placed = as_sent = np.eye(4, dtype=np.float64)
    else:
        if voxels.ndim != len(frame.shape):
            raise LocalInputError(field, "must have 3 axes to be drawn", f"shape {voxels.shape}")
        to_t1ce = frame.to_t1ce @ frame.affine
        as_sent = np.asarray(np.linalg.solve(affine, to_t1ce), dtype=np.float64)
        placed = np.asarray(np.linalg.solve(affine, preparation.motion @ to_t1ce), dtype=np.float64)
    voxels = np.nan_to_num(voxels, posinf=0.0, neginf=0.0)
    if frame.brain is None:
        return Contrast(_windowed(voxels, voxels[voxels > 0], headroom=1.0), placed, as_sent)
    inside = trilinear(voxels, moved(placed, frame.brain))
    return Contrast(_windowed(voxels, inside[inside > 0], headroom=HEADROOM), placed, as_sent)


def brain_points(brain: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Voxel indices of some of a mask's voxels, evenly chosen, `float64 [3, n]`."""
    found = np.flatnonzero(brain)
    found = found[:: max(1, found.size // MAX_WINDOW_POINTS)]
    return np.array(np.unravel_index(found, brain.shape), dtype=np.float64)


def _windowed(
    voxels: npt.NDArray[np.float32], inside: npt.NDArray[np.float32], *, headroom: float
) -> npt.NDArray[np.uint8]:
    """Grey values. Only the voxels `inside` set the window; skull-stripped exams are 0 outside the brain."""
    if not inside.size:
        return np.zeros(voxels.shape, dtype=np.uint8)
    black, white = (float(value) for value in np.percentile(inside, WINDOW_PERCENTILES))
    white *= headroom
    black = min(black, 0.3 * white)  # tissue near the dark end stays apart from air
    grey: npt.NDArray[np.float32] = (voxels - np.float32(black)) * np.float32(255.0 / max(white - black, 1e-6))
    return grey.clip(0.0, 255.0).astype(np.uint8)
