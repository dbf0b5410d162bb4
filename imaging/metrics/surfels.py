"""How much surface lies around each corner between voxels: marching cubes' areas, for any spacing.

A corner of the voxel lattice has 8 voxels around it. Which of them belong to a mask is its *code*, one bit
per voxel. Marching cubes knows 14 essentially different codes; all 256 follow from them by the symmetries of
the cube and by swapping inside and outside. The shapes below are those whose areas surface-distance uses
(Nikolov et al., arXiv 1809.04430), so that both give one number.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from itertools import permutations, product
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from imaging.regions import BoolVolume

Corner = tuple[int, int, int]
Normal = tuple[int, int, int]

CODE_INSIDE = 255
"""The code of a corner whose 8 voxels all belong to the mask. Between 0 and this, a corner is on the surface."""

_CORNERS: tuple[Corner, ...] = tuple((i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1))
_BIT: Mapping[Corner, int] = MappingProxyType({corner: 1 << place for place, corner in enumerate(_CORNERS)})

_SHAPES: Mapping[int, tuple[Normal, ...]] = MappingProxyType(
    {
        0b00000000: (),
        0b00000001: ((1, 1, 1),),
        0b00000011: ((2, 2, 0), (2, 2, 0)),
        0b00000110: ((1, 1, 1), (1, 1, 1)),
        0b00000111: ((4, 0, 0), (2, 2, 2), (1, 1, 1)),
        0b00001111: ((4, 0, 0), (4, 0, 0)),
        0b00010110: ((1, 1, 1), (1, 1, 1), (1, 1, 1)),
        0b00010111: ((2, 2, 2), (2, 2, 2), (1, 1, 1), (1, 1, 1)),
        0b00011000: ((1, 1, 1), (1, 1, 1)),
        0b00011001: ((0, 2, 2), (0, 2, 2), (1, 1, 1)),
        0b00011011: ((0, 2, 2), (2, 0, 2), (3, 3, 3), (1, 1, 1)),
        0b00011110: ((4, 0, 0), (2, 2, 2), (1, 1, 1), (1, 1, 1)),
        0b00111100: ((2, 2, 0), (2, 2, 0), (2, 2, 0), (2, 2, 0)),
        0b01101001: ((1, 1, 1), (1, 1, 1), (1, 1, 1), (1, 1, 1)),
    }
)
"""One code of each kind and its triangles: the absolute components, in eighths, of each triangle's area vector
on a lattice of unit spacing."""


def encode_corners(mask: BoolVolume) -> npt.NDArray[np.uint8]:
    """The code of each corner of the voxel lattice.

    Args:
        mask: `bool [i, j, k]`; beyond its edges nothing belongs to it.

    Returns:
        Codes, `uint8 [i + 1, j + 1, k + 1]`. Corner `(i, j, k)` lies between voxel `(i - 1, j - 1, k - 1)` and
        voxel `(i, j, k)`.
    """
    extents = mask.shape
    voxels = mask.view(np.uint8)
    codes = np.zeros(tuple(extent + 1 for extent in extents), dtype=np.uint8)
    for corner in _CORNERS:
        # A voxel at offset 0 of a corner lies before it, at offset 1 behind it.
        window = tuple(slice(1 - offset, 1 - offset + extent) for offset, extent in zip(corner, extents, strict=True))
        codes[window] |= voxels * np.uint8(_BIT[corner])
    return codes


def is_surface(codes: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Which corners lie on the surface: those with voxels both inside and outside around them."""
    # 0 wraps to 255: one comparison instead of two over the whole lattice.
    return np.asarray(codes - np.uint8(1) < np.uint8(CODE_INSIDE - 1))


@lru_cache(maxsize=16)
def surfel_areas_mm2(spacing_mm: tuple[float, float, float]) -> npt.NDArray[np.float64]:
    """The area of the surface at a corner, by its code.

    Args:
        spacing_mm: Distance between voxel centres along I, J, K.

    Returns:
        Areas, `float64 [256]`, read-only.
    """
    i_mm, j_mm, k_mm = spacing_mm
    scale = np.array((j_mm * k_mm, i_mm * k_mm, i_mm * j_mm)) / 8.0
    areas = np.zeros(256)
    for code, normals in _triangles_by_code().items():
        areas[code] = sum(float(np.linalg.norm(scale * normal)) for normal in normals)
    areas.setflags(write=False)
    return areas


@lru_cache(maxsize=1)
def _triangles_by_code() -> Mapping[int, tuple[Normal, ...]]:
    triangles: dict[int, tuple[Normal, ...]] = {}
    for shape, normals in _SHAPES.items():
        for axes, flips in product(permutations(range(3)), product((0, 1), repeat=3)):
            code = 0
            for corner, bit in _BIT.items():
                if shape & bit:
                    moved = [corner[axis] ^ flip for axis, flip in zip(axes, flips, strict=True)]
                    code |= _BIT[moved[0], moved[1], moved[2]]
            turned = tuple((normal[axes[0]], normal[axes[1]], normal[axes[2]]) for normal in normals)
            triangles[code] = triangles[CODE_INSIDE - code] = turned
    return MappingProxyType(triangles)
