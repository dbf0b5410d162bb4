"""Pictures out of volumes that lie anywhere: a plane of one grid, filled from the voxels of another."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from glioserve.render.planes import Plane

Affine = npt.NDArray[np.float64]
Shape = tuple[int, int, int]


def plane_positions(plane: Plane, index: float, shape: Shape, size: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Where the pixels of a picture lie.

    Args:
        plane: Which way the volume is cut.
        index: Voxel index along the plane's axis.
        shape: Of the volume that is cut, RAS+ order; the picture shows all of the slice, to the voxels' outer edges.
        size: Width and height of the picture, pixels.

    Returns:
        Voxel indices of the pixels' centres, `float64 [3, row, column]`, in the orientation of `Plane.cut`.
    """
    width, height = size
    out = np.empty((3, height, width))
    out[plane.axis] = index
    out[plane.row_axis] = _descending(shape[plane.row_axis], height)[:, None]
    out[plane.column_axis] = _descending(shape[plane.column_axis], width)[None, :]
    return out


def moved(affine: Affine, positions: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Positions, `float64 [3, ...]`, taken through an affine `[4, 4]`."""
    rest = (1,) * (positions.ndim - 1)
    out: npt.NDArray[np.float64] = np.tensordot(affine[:3, :3], positions, axes=1) + affine[:3, 3].reshape(3, *rest)
    return out


def trilinear(voxels: npt.NDArray[np.generic], positions: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Values between voxels.

    Args:
        voxels: `[i, j, k]`, numbers.
        positions: Voxel indices, `float64 [3, ...]`; up to half a voxel beyond the outermost centres is inside.

    Returns:
        `float32`, of the positions' shape; 0 outside the volume.
    """
    inside = np.ones(positions.shape[1:], dtype=bool)
    corners: list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.float32]]] = []
    for axis, size in enumerate(voxels.shape):
        inside &= (positions[axis] >= -0.5) & (positions[axis] <= size - 0.5)
        at = positions[axis].clip(0, size - 1)
        low = np.floor(at).astype(np.intp)
        corners.append((low, np.minimum(low + 1, size - 1), (at - low).astype(np.float32)))
    (i0, i1, di), (j0, j1, dj), (k0, k1, dk) = corners
    along_k = [
        (1 - dk) * voxels[i, j, k0].astype(np.float32) + dk * voxels[i, j, k1].astype(np.float32)
        for i in (i0, i1)
        for j in (j0, j1)
    ]
    along_j = [(1 - dj) * along_k[0] + dj * along_k[1], (1 - dj) * along_k[2] + dj * along_k[3]]
    out: npt.NDArray[np.float32] = (1 - di) * along_j[0] + di * along_j[1]
    out[~inside] = 0.0
    return out


def _descending(voxels: int, pixels: int) -> npt.NDArray[np.float64]:
    """Voxel indices of pixels that run against the axis."""
    steps = np.arange(pixels, dtype=np.float64)
    out: npt.NDArray[np.float64] = voxels - 0.5 - (steps + 0.5) * np.float64(voxels / pixels)
    return out
