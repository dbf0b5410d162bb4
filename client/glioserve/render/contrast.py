"""One contrast as pictures are made from it: intensities on its own grid, and where they lie in what is drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from glioserve.errors import LocalInputError
from glioserve.nifti import Voxels, read_volume
from glioserve.render.planes import Plane
from glioserve.render.sampling import (
    Affine,
    Shape,
    moved,
    moved_lines,
    plane_lines,
    plane_positions,
    trilinear,
    trilinear_on_lines,
)
from glioserve.results import Preparation

WINDOW_PERCENTILES = (1.0, 99.7)
"""Black and white of a picture, percentiles of the brain's voxels."""
HEADROOM = 1.15
"""White lies this much above the upper percentile where the brain is known: vessels and rims stay below it."""
MAX_WINDOW_POINTS = 50_000
"""Points of the brain that a window is found from."""
MAX_WINDOW_VOXELS = 2**19
"""Voxels that a window is found from where the brain is not known, air included."""


@dataclass(frozen=True)
class Window:
    """Which intensities are black and white.

    Args:
        black: The largest that is black.
        white: The smallest that is white, above `black`.
    """

    black: float
    white: float

    @classmethod
    def of(cls, intensities: Voxels, *, headroom: float = 1.0) -> Window:
        """The window of a tissue; of nothing at all where there is none above 0, which makes everything black."""
        inside = intensities[intensities > 0]
        if not inside.size:
            return cls(math.inf, math.inf)
        black, white = (float(value) for value in np.percentile(inside.astype(np.float64), WINDOW_PERCENTILES))
        white *= headroom
        black = min(black, 0.3 * white)  # tissue near the dark end stays apart from air
        return cls(black, max(white, black + 1e-6))

    def grey(self, intensities: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
        """Grey values, `uint8` of the same shape."""
        if math.isinf(self.black):
            return np.zeros(intensities.shape, dtype=np.uint8)
        grey = (intensities - np.float32(self.black)) * np.float32(255.0 / (self.white - self.black))
        out: npt.NDArray[np.uint8] = (grey.clip(0.0, 255.0) + 0.5).astype(np.uint8)
        return out

    def brighter(self, intensities: Voxels, share: float) -> npt.NDArray[np.bool_]:
        """Which intensities are further up than a share of the way from black to white."""
        out: npt.NDArray[np.bool_] = intensities > self.black + share * (self.white - self.black)
        return out


@dataclass(frozen=True, eq=False)
class Intensities:
    """A contrast as its file holds it.

    Args:
        voxels: `[i, j, k]`, RAS+ order; finite numbers.
        affine: Their indices to the contrast's world, RAS+ mm, `float64 [4, 4]`.
        window: Of the voxels above 0, for exams that are 0 outside the brain.
    """

    voxels: Voxels
    affine: Affine
    window: Window

    @classmethod
    def read(cls, path: Path, *, field: str) -> Intensities:
        """Reads a contrast. Numbers that are not finite are 0.

        Raises:
            LocalInputError: See `read_volume`.
        """
        voxels, affine = read_volume(path, field=field)
        if voxels.dtype.kind == "f":
            finite = np.isfinite(voxels)
            if not finite.all():
                voxels = np.where(finite, voxels, np.zeros(1, voxels.dtype))
        every = max(1, math.ceil((voxels.size / MAX_WINDOW_VOXELS) ** (1 / 3)))
        return cls(voxels, affine, Window.of(voxels[(slice(None, None, every),) * voxels.ndim]))


@dataclass(frozen=True, eq=False)
class Contrast:
    """Intensities with their place. The frame is the grid of the label map, in RAS+ order.

    Args:
        voxels: `[i, j, k]`, RAS+ order, on the contrast's own grid.
        window: What is black and white.
        placed: The frame's voxel indices to this grid's, as the contrast was segmented, `float64 [4, 4]`.
        as_sent: The same by the world coordinates of the files alone.
    """

    voxels: Voxels
    window: Window
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
        affine = (self.as_sent if as_sent else self.placed).copy()
        affine[:3, 3] += affine[:3, :3] @ np.array(origin, dtype=float)
        lines = moved_lines(affine, plane_lines(plane, index, shape, size), reach=shape)
        if lines is not None:
            return self.window.grey(trilinear_on_lines(self.voxels, lines).squeeze(plane.axis).T)
        return self.window.grey(trilinear(self.voxels, moved(affine, plane_positions(plane, index, shape, size))))


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


def place(intensities: Intensities, frame: Frame, preparation: Preparation | None, *, field: str) -> Contrast:
    """A contrast in the frame.

    Args:
        intensities: The contrast.
        frame: What is drawn.
        preparation: What was done to the contrast; None where the server does not tell.
        field: How the contrast is called in an error.

    Raises:
        LocalInputError: The contrast was used as it is, and is on another grid than the label map.
    """
    voxels = intensities.voxels
    if preparation is None or not (preparation.registered or preparation.resampled):
        if voxels.shape != frame.shape:
            raise LocalInputError(field, "must be on the grid of the label map to be drawn", f"shape {voxels.shape}")
        placed = as_sent = np.eye(4, dtype=np.float64)
    else:
        if voxels.ndim != len(frame.shape):
            raise LocalInputError(field, "must have 3 axes to be drawn", f"shape {voxels.shape}")
        to_t1ce = frame.to_t1ce @ frame.affine
        as_sent = np.asarray(np.linalg.solve(intensities.affine, to_t1ce), dtype=np.float64)
        placed = np.asarray(np.linalg.solve(intensities.affine, preparation.motion @ to_t1ce), dtype=np.float64)
    window = intensities.window
    if frame.brain is not None:
        window = Window.of(trilinear(voxels, moved(placed, frame.brain)), headroom=HEADROOM)
    return Contrast(voxels, window, placed, as_sent)


def brain_points(brain: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Voxel indices of some of a mask's voxels, evenly chosen, `float64 [3, n]`."""
    found = np.flatnonzero(brain)
    found = found[:: max(1, found.size // MAX_WINDOW_POINTS)]
    return np.array(np.unravel_index(found, brain.shape), dtype=np.float64)
