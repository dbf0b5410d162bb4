"""The grid that the networks see heads on: voxels of 1 mm along the world's axes."""

from __future__ import annotations

import numpy as np

from imaging.geometry import Grid

SPACING_MM = 1.0
_TOLERANCE_VOXELS = 1e-3
"""What an extent may exceed a whole number of voxels by through rounding alone."""
_ROUNDING_DEG = 0.01
"""What a grid along the world's axes may be tilted by through rounding alone."""


def isotropic_grid(grid: Grid) -> Grid:
    """The grid of 1 mm voxels, RAS+, that covers a grid's field of view.

    Its middle is in the same place, so that no more is interpolated than must be: 2 voxels of 0.5 mm are one. Where the
    grid is oblique all is interpolated, and its voxels' centres are at whole millimetres of the world: a head is then
    seen at the same points, however its grid was tilted.

    Args:
        grid: Any; where it is oblique the field of view grows by what its corners need.
    """
    ends = np.array(grid.shape, dtype=np.float64) - 0.5
    corners = np.array(np.meshgrid(*[(-0.5, end) for end in ends], indexing="ij")).reshape(3, -1)
    world = grid.affine[:3, :3] @ corners + grid.affine[:3, 3:]
    low, high = world.min(axis=1), world.max(axis=1)
    if grid.obliqueness_deg > _ROUNDING_DEG:
        first = np.ceil(low - SPACING_MM / 2)
        shape = (np.floor(high + SPACING_MM / 2) - first).astype(int) + 1
    else:
        shape = np.maximum(np.ceil((high - low) / SPACING_MM - _TOLERANCE_VOXELS).astype(int), 1)
        first = (low + high) / 2.0 - SPACING_MM * (shape - 1) / 2.0
    affine = np.diag([SPACING_MM, SPACING_MM, SPACING_MM, 1.0])
    affine[:3, 3] = first
    i, j, k = (int(extent) for extent in shape)
    return Grid((i, j, k), affine, grid.field)
