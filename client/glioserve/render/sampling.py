"""Pictures out of volumes that lie anywhere: a plane of one grid, filled from the voxels of another."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from glioserve.render.planes import Plane

Affine = npt.NDArray[np.float64]
Shape = tuple[int, int, int]
Lines = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]
"""Positions along I, J and K of the points of a grid."""

STRAIGHT_VOXELS = 1e-3
"""An affine that turns no position of a picture by more than this turns nothing that could be seen."""


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
    lines = plane_lines(plane, index, shape, size)
    out = np.empty((3, size[1], size[0]))
    out[plane.axis] = index
    out[plane.row_axis] = lines[plane.row_axis][:, None]
    out[plane.column_axis] = lines[plane.column_axis][None, :]
    return out


def plane_lines(plane: Plane, index: float, shape: Shape, size: tuple[int, int]) -> Lines:
    """The same along each axis by itself: where the pixels' rows and columns lie, and the slice."""
    along = {
        plane.axis: np.array([float(index)]),
        plane.row_axis: _descending(shape[plane.row_axis], size[1]),
        plane.column_axis: _descending(shape[plane.column_axis], size[0]),
    }
    return along[0], along[1], along[2]


def moved(affine: Affine, positions: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Positions, `float64 [3, ...]`, taken through an affine `[4, 4]`."""
    rest = (1,) * (positions.ndim - 1)
    out: npt.NDArray[np.float64] = np.tensordot(affine[:3, :3], positions, axes=1) + affine[:3, 3].reshape(3, *rest)
    return out


def moved_lines(affine: Affine, lines: Lines, *, reach: Shape) -> Lines | None:
    """Lines along the axes taken through an affine `[4, 4]`, where they stay such lines; None where it turns them.

    Args:
        affine: Voxel indices to others.
        lines: See `plane_lines`.
        reach: How far positions go along each axis, voxels.
    """
    turned = affine[:3, :3] - np.diag(np.diagonal(affine)[:3])
    if (np.abs(turned) @ np.array(reach, dtype=float)).max() > STRAIGHT_VOXELS:
        return None
    i, j, k = (affine[axis, axis] * lines[axis] + affine[axis, 3] for axis in range(3))
    return i, j, k


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


def trilinear_on_lines(voxels: npt.NDArray[np.generic], lines: Lines) -> npt.NDArray[np.float32]:
    """What `trilinear` has for the points of a grid whose lines run along the axes, found with far less work.

    Args:
        voxels: `[i, j, k]`, numbers.
        lines: Voxel indices of the grid's lines along each axis.

    Returns:
        `float32 [i, j, k]`, one value where lines meet; 0 outside the volume.
    """
    out: npt.NDArray[np.generic] = voxels
    for axis in sorted(range(3), key=lambda each: lines[each].size / voxels.shape[each]):  # the least is kept first
        size, at = voxels.shape[axis], lines[axis]
        within = at.clip(0, size - 1)
        low = np.floor(within).astype(np.intp)
        weight = (within - low).astype(np.float32)
        weight = weight.reshape([-1 if each == axis else 1 for each in range(3)])
        inside = ((at >= -0.5) & (at <= size - 0.5)).reshape(weight.shape)
        # Not `take`, which first copies all of an array that is not in C order.
        every = (slice(None),) * axis
        below = out[(*every, low)].astype(np.float32)
        above = out[(*every, np.minimum(low + 1, size - 1))].astype(np.float32)
        out = np.where(inside, (1 - weight) * below + weight * above, np.float32(0))
    return out.astype(np.float32, copy=False)


def _descending(voxels: int, pixels: int) -> npt.NDArray[np.float64]:
    """Voxel indices of pixels that run against the axis."""
    steps = np.arange(pixels, dtype=np.float64)
    out: npt.NDArray[np.float64] = voxels - 0.5 - (steps + 0.5) * np.float64(voxels / pixels)
    return out
