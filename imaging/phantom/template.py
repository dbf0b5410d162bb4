"""The anatomy that phantoms grow on: the ICBM152 tissue maps inside the nilearn package. No network is used."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from imaging.phantom.errors import PhantomError
from imaging.phantom.fields import FloatVolume
from imaging.volume import Volume

COVERAGE_SIGMA_MM = 2.5


@dataclass(frozen=True, eq=False)
class Template:
    """The symmetric ICBM152 2009a average brain (Fonov et al., NeuroImage 54, 2011), 1 mm voxels, axes RAS+.

    Args:
        csf: Fraction of cerebrospinal fluid, `float32 [i, j, k]`, 0 to 1; the brain minus both matters.
        gm: Fraction of grey matter, likewise.
        wm: Fraction of white matter, likewise.
        coverage: The brain's mask blurred, `float32 [i, j, k]`, 1/2 at its surface: grades the depth near it.
        origin_mm: World position of voxel (0, 0, 0); the anterior commissure is the world's origin.
    """

    csf: FloatVolume
    gm: FloatVolume
    wm: FloatVolume
    coverage: FloatVolume
    origin_mm: tuple[float, float, float]


@lru_cache(maxsize=1)
def load_template() -> Template:
    """The template, read from the installed nilearn package. Read once; the arrays are read-only.

    Raises:
        PhantomError: The package `nilearn` is not installed.
    """
    try:  # a second to import, and most who know of phantoms make none
        from nilearn import datasets
    except ImportError as error:
        raise PhantomError("template", "needs the package nilearn where brains are grown", str(error)) from None

    brain, origin_mm = _read(datasets.load_mni152_brain_mask(resolution=1))
    gm, _ = _read(datasets.load_mni152_gm_template(resolution=1))
    wm, _ = _read(datasets.load_mni152_wm_template(resolution=1))
    inside = brain > 0
    gm, wm = np.where(inside, gm, 0).astype(np.float32), np.where(inside, wm, 0).astype(np.float32)
    csf = np.where(inside, np.clip(1 - gm - wm, 0, 1), 0).astype(np.float32)
    coverage = ndimage.gaussian_filter(inside.astype(np.float32), COVERAGE_SIGMA_MM)
    for volume in (csf, gm, wm, coverage):
        volume.setflags(write=False)
    return Template(csf, gm, wm, coverage, origin_mm)


def _read(image: object) -> tuple[npt.NDArray[np.float32], tuple[float, float, float]]:
    volume = Volume.from_affine(
        np.asarray(image.get_fdata(dtype=np.float32)),  # type: ignore[attr-defined]  # nibabel has no types
        image.affine,  # type: ignore[attr-defined]  # as above
        field="template",
    ).canonical()
    x, y, z = (float(position) for position in volume.grid.affine[:3, 3])
    return np.asarray(volume.voxels, dtype=np.float32), (x, y, z)
