"""One person's brain: the template in a pose of its own, deformed, with folds of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from imaging.phantom.fields import FloatVolume, smooth_field, upsample
from imaging.phantom.frame import BOX_ORIGIN, BOX_SHAPE, CENTRE_VOXELS
from imaging.phantom.template import Template
from imaging.regions import BoolVolume

_TEMPLATE_CENTRE_MM = np.array([0.0, -17.0, 5.0])
_MEAN_SCALE = np.array([0.97, 0.93, 0.91])
"""BraTS brains over the template, along I, J, K: about 140 x 168 x 140 mm."""
_HEAD_DEFORMATIONS_MM = ((45.0, 3.0), (25.0, 1.0))
"""Scale and standard deviation of each part of the deformation that shapes the whole head."""
_FOLD_DEFORMATIONS_MM = ((20.0, 2.0), (12.0, 1.6), (6.5, 0.8))
"""The same for what lies inside; it fades towards the surface, because a skull has no folds."""
_FADE_MM = 6.0
_COARSE = 2
"""Distances are measured on every second voxel: an eighth of the work, errors under 1 mm."""


@dataclass(frozen=True, eq=False)
class Pose:
    """How voxels of the box map to the template's world, before deformation: rotation, scale and shift.

    Args:
        linear: `float64 [3, 3]`, voxel offset from the centre to mm.
        centre_voxels: The voxel of the full frame that shows the template's centre.
    """

    linear: npt.NDArray[np.float64]
    centre_voxels: npt.NDArray[np.float64]

    def to_voxels(self, position_mm: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The voxel of the box, `float64 [3]`, that shows this position of the template's world."""
        offset = np.linalg.solve(self.linear, np.asarray(position_mm, dtype=np.float64) - _TEMPLATE_CENTRE_MM)
        return np.asarray(offset + self.centre_voxels - np.array(BOX_ORIGIN), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Anatomy:
    """The tissues of one brain, on the box.

    Args:
        csf: Fraction of cerebrospinal fluid, `float32 [i, j, k]`; the three fractions sum to 1 inside the brain.
        gm: Fraction of grey matter.
        wm: Fraction of white matter.
        brain: Where the brain is, `bool [i, j, k]`.
        depth_mm: Distance to the brain's outer surface, `float32 [i, j, k]`, 0 outside.
        position_mm: Where each voxel lies in the template's world, `float32 [3, i, j, k]`, RAS+.
    """

    csf: FloatVolume
    gm: FloatVolume
    wm: FloatVolume
    brain: BoolVolume
    depth_mm: FloatVolume
    position_mm: FloatVolume


def draw_pose(rng: np.random.Generator) -> Pose:
    """A head's size, tilt and place."""
    scale = _MEAN_SCALE * rng.normal(1.0, 0.02) * rng.normal(1.0, 0.015, size=3)
    pitch, roll, yaw = np.deg2rad(rng.normal(0.0, [3.0, 1.5, 1.5]))
    rotation = _rotation(0, pitch) @ _rotation(1, roll) @ _rotation(2, yaw)
    to_ras = np.diag([-1.0, -1.0, 1.0])
    return Pose(rotation @ np.diag(1.0 / scale) @ to_ras, np.array(CENTRE_VOXELS) + rng.normal(0.0, [1.0, 3.0, 1.0]))


def draw_positions(rng: np.random.Generator, template: Template, pose: Pose) -> tuple[FloatVolume, BoolVolume]:
    """Where each voxel of the box lies in the template's world: the pose and a smooth random deformation.

    Returns:
        Positions `float32 [3, i, j, k]`, mm, RAS+, and the mask of the brain, `bool [i, j, k]`.
    """
    axes = [np.arange(extent) for extent in BOX_SHAPE]
    offset = np.array(BOX_ORIGIN) - pose.centre_voxels
    position = np.empty((3, *BOX_SHAPE), dtype=np.float32)
    for row in range(3):
        i, j, k = (pose.linear[row, axis] * (axes[axis] + offset[axis]) for axis in range(3))
        position[row] = _TEMPLATE_CENTRE_MM[row] + i[:, None, None] + j[:, None] + k
        for scale_mm, deviation_mm in _HEAD_DEFORMATIONS_MM:
            position[row] += deviation_mm * smooth_field(rng, BOX_SHAPE, scale_voxels=scale_mm)
    # Skull stripping takes off one or two uneven millimetres.
    strip = 0.70 + 0.09 * smooth_field(rng, BOX_SHAPE, scale_voxels=8.0)
    brain = ndimage.binary_fill_holes(ndimage.binary_closing(sample(template.coverage, position, template) > strip))
    depth_mm = depth_below_surface(brain)
    strength = 1.0 - np.exp(-depth_mm / _FADE_MM)
    for row in range(3):
        for scale_mm, deviation_mm in _FOLD_DEFORMATIONS_MM:
            position[row] += deviation_mm * strength * smooth_field(rng, BOX_SHAPE, scale_voxels=scale_mm)
    return position, brain


def sample(tissue: FloatVolume, position_mm: FloatVolume, template: Template) -> FloatVolume:
    """A volume of the template at positions `float32 [3, ...]` of its world, trilinearly, 0 beyond its edges."""
    origin_mm = np.array(template.origin_mm, dtype=np.float32).reshape((3,) + (1,) * (position_mm.ndim - 1))
    sampled: FloatVolume = ndimage.map_coordinates(tissue, position_mm - origin_mm, order=1)
    return sampled


def grow_anatomy(rng: np.random.Generator, template: Template, position_mm: FloatVolume, brain: BoolVolume) -> Anatomy:
    """The tissues at these positions of the template, sharpened to one person's.

    The template is an average, so its folds are blurred. Raising the fractions to a power brings back their edges;
    smooth noise on their logarithms shifts those edges, so that every brain folds in its own way. How much fluid
    there is, as age decides, differs from seed to seed.
    """
    points = position_mm[:, brain]
    sharpness, atrophy = rng.uniform(2.2, 2.8), rng.uniform(1.5, 2.8)
    weights = []
    for tissue, boost in ((template.csf, atrophy), (template.gm, 1.0), (template.wm, 1.0)):
        wobble = sum(0.4 * smooth_field(rng, BOX_SHAPE, scale_voxels=scale_mm)[brain] for scale_mm in (2.0, 4.0))
        weights.append((boost * (sample(tissue, points, template) + 1e-3)) ** sharpness * np.exp(wobble))
    total = weights[0] + weights[1] + weights[2]
    csf, gm, wm = (scatter(weight / total, brain) for weight in weights)
    return Anatomy(csf, gm, wm, brain, depth_below_surface(brain), position_mm)


def depth_below_surface(brain: BoolVolume) -> FloatVolume:
    """Distance of each voxel to the nearest voxel outside a mask, in mm, `float32 [i, j, k]`, within about 1 mm."""
    coarse = brain[::_COARSE, ::_COARSE, ::_COARSE]
    depth = ndimage.distance_transform_edt(coarse, sampling=_COARSE).astype(np.float32)
    return upsample(depth, (brain.shape[0], brain.shape[1], brain.shape[2]), factor=_COARSE)


def scatter(values: npt.NDArray[np.float32], where: BoolVolume) -> FloatVolume:
    """A volume with these values `float32 [n]` where the mask holds, in its order, and 0 elsewhere."""
    volume = np.zeros(where.shape, dtype=np.float32)
    volume[where] = values
    return volume


def _rotation(axis: int, angle_rad: float) -> npt.NDArray[np.float64]:
    first, second = (other for other in range(3) if other != axis)
    rotation = np.eye(3)
    cosine, sine = np.cos(angle_rad), np.sin(angle_rad)
    rotation[[first, first, second, second], [first, second, first, second]] = cosine, -sine, sine, cosine
    return rotation
