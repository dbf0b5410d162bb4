"""Intensities from one grid to another."""

from __future__ import annotations

from enum import Enum

import numpy as np
import numpy.typing as npt
import SimpleITK
from scipy import ndimage

from imaging.geometry import Grid
from imaging.itk import from_itk, to_itk, to_itk_transform
from imaging.registration.motion import RigidMotion
from imaging.volume import Volume

_LEAST_SIGMA = 0.2
"""Voxels. Less smoothing than this changes next to nothing."""


class Interpolation(Enum):
    """What lies between voxels."""

    LINEAR = SimpleITK.sitkLinear
    BSPLINE = SimpleITK.sitkBSpline3
    """Sharper, fifteen times slower, and beyond the range of its voxels at edges."""
    NEAREST = SimpleITK.sitkNearestNeighbor


def resample(
    volume: Volume,
    onto: Grid,
    *,
    motion: RigidMotion | None = None,
    interpolation: Interpolation = Interpolation.LINEAR,
) -> Volume:
    """A volume as seen on another grid.

    Where the new voxels are larger, the volume is smoothed first along those axes, so that fine detail is averaged
    and does not turn into patterns that were never there.

    Args:
        volume: Any real type.
        onto: Where its values are wanted.
        motion: Takes positions of the new grid's world to the volume's; None where both are one world.
        interpolation: What lies between voxels.

    Returns:
        `float32 [i, j, k]` on the new grid, 0 outside the volume's field of view.
    """
    motion = motion or RigidMotion.identity()
    voxels = np.asarray(volume.voxels, dtype=np.float32)
    if interpolation is not Interpolation.NEAREST:
        voxels = _smoothed(voxels, volume.grid, onto, motion)
    return interpolate(Volume(voxels, volume.grid), onto, motion=motion, interpolation=interpolation)


def interpolate(volume: Volume, onto: Grid, *, motion: RigidMotion, interpolation: Interpolation) -> Volume:
    """The values of a volume at the voxels of another grid, and no more. Arguments and answer as of `resample`."""
    image = SimpleITK.Resample(
        to_itk(volume),
        to_itk(Volume(np.broadcast_to(np.uint8(0), onto.shape), onto)),
        to_itk_transform(motion.matrix),
        interpolation.value,
        0.0,
        SimpleITK.sitkFloat32,
    )
    return Volume(from_itk(image).voxels, onto)


def _smoothed(
    voxels: npt.NDArray[np.float32], source: Grid, onto: Grid, motion: RigidMotion
) -> npt.NDArray[np.float32]:
    """Smoothed along each axis of the source by what the new voxels are wider than its own."""
    axes = source.affine[:3, :3] / np.array(source.spacing_mm)
    new_axes = motion.matrix[:3, :3] @ (onto.affine[:3, :3] / np.array(onto.spacing_mm))
    # The new voxel's extent along a source axis, as that of the new axis nearest to it.
    nearest = np.abs(axes.T @ new_axes).argmax(axis=1)
    ratio = np.array(onto.spacing_mm)[nearest] / np.array(source.spacing_mm)
    # Two boxes of these widths differ by a variance of (ratio ** 2 - 1) / 12 voxels.
    sigmas = np.sqrt(np.maximum(ratio**2 - 1.0, 0.0) / 12.0)
    if sigmas.max() < _LEAST_SIGMA:
        return voxels
    smooth: npt.NDArray[np.float32] = ndimage.gaussian_filter(voxels, sigmas, mode="nearest", truncate=3.0)
    return smooth
