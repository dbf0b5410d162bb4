"""What enhances besides tumour: dural sinuses, cerebral veins and arteries, the choroid plexus."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from imaging.phantom.anatomy import Anatomy
from imaging.phantom.fields import FloatVolume, smooth_field
from imaging.phantom.frame import BOX_SHAPE

_VEIN_OF_GALEN_MM = ((0.0, -10.0, 14.0), (0.0, -38.0, 3.0), (0.0, -48.0, 6.0), (0.0, -62.0, 0.0), (0.0, -84.0, -8.0))
"""Internal cerebral veins, vein of Galen and straight sinus, as a chain of points in the template's world."""
_CHOROID_PLEXUS_MM = (22.0, -40.0, 9.0)
"""Where the plexus is thickest, in the atrium of either lateral ventricle."""


def draw_vessels(rng: np.random.Generator, anatomy: Anatomy) -> FloatVolume:
    """How much of each voxel is enhancing vessel.

    Returns:
        `float32 [i, j, k]`, 0 to 1, 0 outside the brain.
    """
    vessels = np.maximum(_sulcal(rng, anatomy), _sagittal_sinus(rng, anatomy))
    vessels = np.maximum(vessels, _chain(anatomy))
    vessels = np.maximum(vessels, _plexus(rng, anatomy))
    return np.where(anatomy.brain, vessels, 0).astype(np.float32)


def _sulcal(rng: np.random.Generator, anatomy: Anatomy) -> FloatVolume:
    """Thin curves in the fluid around the brain: where two random fields both cross zero."""
    first, second = (smooth_field(rng, BOX_SHAPE, scale_voxels=6.0) for _ in range(2))
    curves = np.exp(-(first**2 + second**2) / (2 * 0.15**2))
    around = np.clip(2.5 * anatomy.csf + 0.5 * (anatomy.depth_mm < 3.0), 0.0, 1.0)
    return np.asarray(curves * around * (anatomy.depth_mm < 25.0), dtype=np.float32)


def _sagittal_sinus(rng: np.random.Generator, anatomy: Anatomy) -> FloatVolume:
    x, y, z = anatomy.position_mm
    above = 1 / (1 + np.exp(-(z - 12.0 + 0.25 * (y + 90.0)) / 4.0))
    width_mm = rng.uniform(1.8, 2.8)
    return np.asarray(above * np.exp(-((x / width_mm) ** 2) - (anatomy.depth_mm / 3.5) ** 2), dtype=np.float32)


def _chain(anatomy: Anatomy) -> FloatVolume:
    nearest = np.full(BOX_SHAPE, np.inf, dtype=np.float32)
    for start, end in pairwise(_VEIN_OF_GALEN_MM):
        direction = np.subtract(end, start)
        offset = [anatomy.position_mm[axis] - np.float32(start[axis]) for axis in range(3)]
        along = sum(np.float32(direction[axis]) * offset[axis] for axis in range(3)) / np.float32(direction @ direction)
        along = np.clip(along, 0.0, 1.0)
        squared = sum((offset[axis] - along * np.float32(direction[axis])) ** 2 for axis in range(3))
        nearest = np.minimum(nearest, squared)
    return np.asarray(np.exp(-nearest / 2.0), dtype=np.float32)


def _plexus(rng: np.random.Generator, anatomy: Anatomy) -> FloatVolume:
    x, y, z = _CHOROID_PLEXUS_MM
    position = anatomy.position_mm
    squared = (np.abs(position[0]) - x) ** 2 + (position[1] - y) ** 2 + (position[2] - z) ** 2
    tufts = np.clip(0.5 + 0.5 * smooth_field(rng, BOX_SHAPE, scale_voxels=2.0), 0.0, 1.0)
    return np.asarray(tufts * anatomy.csf * np.exp(-squared / (2 * 5.0**2)), dtype=np.float32)
