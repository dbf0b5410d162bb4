"""How tissues look in each MR contrast, and the ideal image that follows: no blur, no noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

import numpy as np
from scipy import ndimage

from imaging.modality import Modality
from imaging.phantom.anatomy import Anatomy
from imaging.phantom.fields import FloatVolume, smooth_field
from imaging.phantom.frame import BOX_SHAPE
from imaging.phantom.growth import Lesion
from imaging.regions import Region


@dataclass(frozen=True)
class Appearance:
    """Mean intensity of each tissue in one contrast, in arbitrary units.

    Args:
        csf: Cerebrospinal fluid.
        gm: Grey matter.
        wm: White matter.
        oedema: Oedema at its strongest.
        solid: Tumour core that neither enhances nor has turned to fluid.
        fluid: Necrotic fluid.
        enhancing: Enhancing tumour.
        vessel: Blood vessels and choroid plexus.
    """

    csf: float
    gm: float
    wm: float
    oedema: float
    solid: float
    fluid: float
    enhancing: float
    vessel: float


APPEARANCES: Mapping[Modality, Appearance] = MappingProxyType(
    {
        Modality.T1: Appearance(
            csf=45, gm=148, wm=184, oedema=155, solid=138, fluid=112, enhancing=150, vessel=150
        ),
        Modality.T1CE: Appearance(
            csf=45, gm=92, wm=113, oedema=91, solid=84, fluid=65, enhancing=165, vessel=210
        ),
        Modality.T2: Appearance(
            csf=215, gm=88, wm=64, oedema=115, solid=125, fluid=185, enhancing=122, vessel=70
        ),
        Modality.FLAIR: Appearance(
            csf=35, gm=130, wm=117, oedema=182, solid=180, fluid=172, enhancing=185, vessel=95
        ),
    }
)  # fmt: skip
"""Chosen so that z-scores within the brain lie where those of public glioma exams lie (see the tests)."""

_TISSUE_VARIATION = 0.04
_LESION_VARIATION = 0.10
_NORMAL_TISSUES = ("csf", "gm", "wm")


def draw_appearance(rng: np.random.Generator, modality: Modality) -> Appearance:
    """One scanner's and one person's version of a contrast: every intensity a few percent off its mean."""
    mean = APPEARANCES[modality]
    values = {}
    for tissue in fields(Appearance):
        variation = _TISSUE_VARIATION if tissue.name in _NORMAL_TISSUES else _LESION_VARIATION
        values[tissue.name] = float(getattr(mean, tissue.name) * np.exp(rng.normal(0.0, variation)))
    return Appearance(**values)


def render(
    rng: np.random.Generator, look: Appearance, anatomy: Anatomy, lesion: Lesion, vessels: FloatVolume
) -> FloatVolume:
    """The ideal image: each voxel the mean of its tissues' intensities, with the grain that tissue has.

    Returns:
        `float32 [i, j, k]`, the intensity of fluid outside the brain.
    """
    image = look.csf * anatomy.csf + look.gm * anatomy.gm + look.wm * anatomy.wm
    whole, core, enhancing = (lesion.masks[region] for region in (Region.WT, Region.TC, Region.ET))
    # Oedema spares grey matter in part and fills no sulcus.
    share = _soften(lesion.oedema) * (0.95 * anatomy.wm + 0.6 * anatomy.gm + 0.1 * anatomy.csf)
    image += share * (look.oedema - image)
    dead = look.solid + lesion.fluid * (look.fluid - look.solid)
    image += _soften(core & ~enhancing) * (dead - image)
    image += vessels * (look.vessel - image)
    uptake = look.enhancing * (1.0 + 0.15 * smooth_field(rng, BOX_SHAPE, scale_voxels=3.0))
    image += _soften(enhancing) * (uptake - image)
    grain = 0.02 * smooth_field(rng, BOX_SHAPE, scale_voxels=2.0) + 0.02 * smooth_field(rng, BOX_SHAPE, scale_voxels=6.0)
    image *= 1.0 + grain + whole * 0.05 * smooth_field(rng, BOX_SHAPE, scale_voxels=4.0)
    image[~anatomy.brain] = look.csf
    return np.asarray(image, dtype=np.float32)


def _soften(mask: np.ndarray) -> FloatVolume:
    """A mask with the edge of partial volume."""
    return np.asarray(ndimage.gaussian_filter(mask.astype(np.float32), 0.6, truncate=3.0))
