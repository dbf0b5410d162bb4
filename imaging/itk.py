"""The one door to SimpleITK: volumes and motions to ITK's world and back, and how many threads it may use.

ITK's world is LPS+, ours RAS+: the first two world axes point the other way. ITK adds up a metric in an order that
depends on its threads; with one thread for each call, results do not depend on the machine or its load. Work is done in
parallel by calling ITK from many threads, as it lets go of Python's lock.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import SimpleITK

from imaging.geometry import Grid
from imaging.volume import Volume

_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])

# Process-wide, as the metrics of ITK's registration heed no other limit.
SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(1)


def to_itk(volume: Volume) -> SimpleITK.Image:
    """A volume as an ITK image of the same data type, which must be one that ITK knows; copied."""
    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(volume.voxels.T))
    affine = _RAS_TO_LPS @ volume.grid.affine
    spacing = np.array(volume.grid.spacing_mm)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(affine[:3, 3].tolist())
    image.SetDirection((affine[:3, :3] / spacing).ravel().tolist())
    return image


def from_itk(image: SimpleITK.Image, *, field: str = "volume") -> Volume:
    """An ITK image with one value per voxel as a volume; copied."""
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    i, j, k = image.GetSize()
    return Volume(SimpleITK.GetArrayFromImage(image).T, Grid((i, j, k), _RAS_TO_LPS @ affine, field))


def to_itk_world(matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """A map `float64 [4, 4]` from world to world, RAS+ mm, as it is in ITK's world; its own inverse."""
    return np.asarray(_RAS_TO_LPS @ matrix @ _RAS_TO_LPS, dtype=np.float64)


def to_itk_point(point_mm: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """A position `float64 [3]`, RAS+ mm, as it is in ITK's world; its own inverse."""
    return np.asarray(_RAS_TO_LPS[:3, :3] @ point_mm, dtype=np.float64)


def to_itk_transform(matrix: npt.NDArray[np.float64]) -> SimpleITK.AffineTransform:
    """A map `float64 [4, 4]` from world to world, RAS+ mm, as an ITK transform."""
    lps = to_itk_world(matrix)
    transform = SimpleITK.AffineTransform(3)
    transform.SetMatrix(lps[:3, :3].ravel().tolist())
    transform.SetTranslation(lps[:3, 3].tolist())
    return transform
