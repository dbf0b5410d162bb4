"""The climb itself: ITK ascends the mutual information (Mattes) of two volumes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import SimpleITK
from scipy import ndimage

from imaging.geometry import Grid
from imaging.itk import to_itk, to_itk_point, to_itk_world
from imaging.regions import BoolVolume
from imaging.registration.errors import RegistrationError
from imaging.registration.motion import RigidMotion
from imaging.registration.pair import Pair
from imaging.volume import Volume

_BINS = 32
_SEED = 7
_RELAXATION = 0.6
_FLAT = 1e-7
_RADIUS_MM = 50.0
"""How far from the centre the brain lies, on average: turns by so many mm there weigh as much as shifts by as many."""


@dataclass(frozen=True)
class Climb:
    """How ITK climbs.

    Args:
        samples: How many places are compared, about.
        first_step_mm: Longest step: how far the voxel that moves most goes.
        last_step: It ends when ITK has shortened its steps to this length, in units of its own.
        steps: It ends after this many at the latest.
    """

    samples: int
    first_step_mm: float
    last_step: float
    steps: int


COARSE = Climb(samples=12_000, first_step_mm=4.0, last_step=1e-3, steps=100)
FINE = Climb(samples=40_000, first_step_mm=1.0, last_step=1e-3, steps=100)


def climb(
    moving: Volume,
    fixed: Volume,
    region: Volume,
    start: RigidMotion,
    how: Climb,
    *,
    centre_mm: npt.NDArray[np.float64],
    field: str,
) -> RigidMotion:
    """Climb from a start to a peak.

    Args:
        moving: `float32 [i, j, k]`.
        fixed: Likewise.
        region: Where to compare, `uint8 [i, j, k]` of 0 and 1, on any grid of the fixed world.
        start: Where to begin.
        how: How long and how finely to search.
        centre_mm: What to turn about, in the fixed world.
        field: How the moving volume is named in an error.

    Raises:
        RegistrationError: Nothing of both overlaps on the way.
    """
    transform = _to_euler(start, to_itk_point(centre_mm))
    method = SimpleITK.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(_BINS)
    # Smoothed gradients, ITK's default, are not those of what is compared: the climb would end a millimetre off.
    method.MetricUseMovingImageGradientFilterOff()
    method.MetricUseFixedImageGradientFilterOff()
    method.SetMetricFixedMask(to_itk(region))
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(_share(how.samples, fixed, region), _SEED)
    method.SetInterpolator(SimpleITK.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        1.0, how.last_step, how.steps, _RELAXATION, _FLAT, method.EachIteration, how.first_step_mm
    )
    method.SetOptimizerScales([_RADIUS_MM**2] * 3 + [1.0] * 3)
    method.SetInitialTransform(transform, inPlace=True)
    try:
        method.Execute(to_itk(fixed), to_itk(moving))
    except RuntimeError:
        # ITK's only complaint about finite volumes; its text says where it was raised, not more.
        raise RegistrationError(field, "must overlap with what it is aligned to", "no common field of view") from None
    return _from_euler(transform)


@dataclass(frozen=True, eq=False)
class Search:
    """A pair at both levels, ready to be climbed on.

    Args:
        pair: The two heads.
        field: How the moving one is named in an error.
    """

    pair: Pair
    field: str

    def coarse(self, start: RigidMotion) -> RigidMotion:
        """The peak that a start leads to, to some 3 mm, by all of the head and the air around it."""
        moving, fixed = self.pair.coarse
        return self._climb(moving, fixed, self.pair.fixed.around, start, COARSE)

    def fine(self, start: RigidMotion) -> RigidMotion:
        """The peak near a start, as well as it can be found, by the brain."""
        moving, fixed = self.pair.fine
        return self._climb(moving, fixed, self.pair.fixed.telling, start, FINE)

    def _climb(self, moving: Volume, fixed: Volume, region: BoolVolume, start: RigidMotion, how: Climb) -> RigidMotion:
        head = self.pair.fixed
        mask = Volume(region.astype(np.uint8), head.grid)
        part = _cut(fixed, region, head.grid)
        return climb(moving, part, mask, start, how, centre_mm=head.centre_mm, field=self.field)


def _cut(volume: Volume, region: BoolVolume, grid: Grid) -> Volume:
    """The part of a volume that holds a region `bool [i, j, k]` of a grid along the same axes."""
    to_voxels = np.linalg.inv(volume.grid.affine) @ grid.affine
    ends = [(part.start - 0.5, part.stop - 0.5) for part in ndimage.find_objects(region.astype(np.uint8))[0]]
    corners = to_voxels[:3, :3] @ np.array(np.meshgrid(*ends)).reshape(3, -1) + to_voxels[:3, 3:]
    start = np.maximum(np.floor(corners.min(axis=1)), 0).astype(int)
    stop = np.minimum(np.ceil(corners.max(axis=1)) + 1, volume.grid.shape).astype(int)
    affine = volume.grid.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ start
    return Volume.from_affine(volume.voxels[tuple(map(slice, start, stop))], affine)


def _share(samples: int, fixed: Volume, region: Volume) -> float:
    """Which share of the fixed volume's voxels to look at, so that about this many of them lie in the region."""
    inside = np.count_nonzero(region.voxels) * region.grid.voxel_volume_ml / fixed.grid.voxel_volume_ml
    return min(1.0, samples / max(inside, 1.0))


def _to_euler(motion: RigidMotion, centre: npt.NDArray[np.float64]) -> SimpleITK.Euler3DTransform:
    lps = to_itk_world(motion.matrix)
    rotation = lps[:3, :3]
    transform = SimpleITK.Euler3DTransform()
    transform.SetCenter(centre.tolist())
    transform.SetMatrix(rotation.ravel().tolist(), 1e-6)
    transform.SetTranslation((lps[:3, 3] + rotation @ centre - centre).tolist())
    return transform


def _from_euler(transform: SimpleITK.Euler3DTransform) -> RigidMotion:
    rotation = np.array(transform.GetMatrix()).reshape(3, 3)
    centre, shift = np.array(transform.GetCenter()), np.array(transform.GetTranslation())
    lps = np.eye(4)
    lps[:3, :3] = rotation
    lps[:3, 3] = shift + centre - rotation @ centre
    return RigidMotion(to_itk_world(lps))
