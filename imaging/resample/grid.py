"""The grid that the networks see heads on: voxels of 1 mm along the world's axes."""

from __future__ import annotations

import numpy as np

from imaging.geometry import Grid

SPACING_MM = 1.0
_TOLERANCE_VOXELS = 1e-3
"""What an extent may exceed a whole number of voxels by through rounding alone."""


def isotropic_grid(grid: Grid) -> Grid:
    """The grid of 1 mm voxels, RAS+, that covers a grid's field of view with its middle in the same place.

    Args:
        grid: Any; where it is oblique the field of view grows by what its corners need.
    """
    ends = np.array(grid.shape, dtype=np.float64) - 0.5
    corners = np.array(np.meshgrid(*[(-0.5, end) for end in ends], indexing="ij")).reshape(3, -1)
    world = grid.affine[:3, :3] @ corners + grid.affine[:3, 3:]
    low, high = world.min(axis=1), world.max(axis=1)
    shape = np.maximum(np.ceil((high - low) / SPACING_MM - _TOLERANCE_VOXELS).astype(int), 1)
    affine = np.diag([SPACING_MM, SPACING_MM, SPACING_MM, 1.0])
    affine[:3, 3] = (low + high) / 2.0 - SPACING_MM * (shape - 1) / 2.0
    i, j, k = (int(extent) for extent in shape)
    return Grid((i, j, k), affine, grid.field)
