"""How tissues look in each MR contrast, and the ideal image that follows: no blur, no noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

import numpy as np

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
        meninges: What skull stripping leaves of the meninges and the bone.
        oedema: Oedema at its strongest.
        solid: Tumour core that neither enhances nor has turned to fluid.
        fluid: Necrotic fluid.
        enhancing: Enhancing tumour.
        vessel: Blood vessels and choroid plexus.
    """

    csf: float
    gm: float
    wm: float
    meninges: float
    oedema: float
    solid: float
    fluid: float
    enhancing: float
    vessel: float


APPEARANCES: Mapping[Modality, Appearance] = MappingProxyType(
    {
        Modality.T1: Appearance(
            csf=62, gm=145, wm=175, meninges=70, oedema=140, solid=141, fluid=120, enhancing=144, vessel=150
        ),
        Modality.T1CE: Appearance(
            csf=60, gm=92, wm=106, meninges=103, oedema=86, solid=86, fluid=74, enhancing=121, vessel=220
        ),
        Modality.T2: Appearance(
            csf=205, gm=95, wm=75, meninges=50, oedema=134, solid=130, fluid=176, enhancing=128, vessel=60
        ),
        Modality.FLAIR: Appearance(
            csf=44, gm=128, wm=117, meninges=70, oedema=163, solid=172, fluid=152, enhancing=166, vessel=95
        ),
    }
)  # fmt: skip
"""Chosen so that each tissue's z-score within the brain comes out within about 0.3 of its median in public exams."""

_MENINGES_MM = 3.0
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
        `float32 [i, j, k]`, the intensity of meninges outside the brain.
    """
    image = look.csf * anatomy.csf + look.gm * anatomy.gm + look.wm * anatomy.wm
    # Oedema spares grey matter in part and fills no sulcus.
    share = lesion.soft_oedema * (0.95 * anatomy.wm + 0.6 * anatomy.gm + 0.1 * anatomy.csf)
    image += share * (look.oedema - image)
    dead = look.solid + lesion.fluid * (look.fluid - look.solid)
    image += lesion.soft_dead * (dead - image)
    image += vessels * (look.vessel - image)
    # Uptake is patchy; where it is what makes the contrast, so is the tumour.
    uptake = np.clip(1.0 + 0.7 * smooth_field(rng, BOX_SHAPE, scale_voxels=3.0), 0.2, None)
    uptake = look.solid + uptake * (look.enhancing - look.solid)
    image += lesion.soft_enhancing * (uptake - image)
    grain = sum(0.025 * smooth_field(rng, BOX_SHAPE, scale_voxels=scale) for scale in (1.6, 9.0))
    image *= 1.0 + grain + lesion.masks[Region.WT] * 0.06 * smooth_field(rng, BOX_SHAPE, scale_voxels=6.0)
    # The outermost voxels are meninges in patches.
    remains = np.clip(1.0 - 0.5 * anatomy.depth_mm + 0.5 * smooth_field(rng, BOX_SHAPE, scale_voxels=5.0), 0.0, 1.0)
    remains *= anatomy.depth_mm < _MENINGES_MM
    image += remains * (look.meninges - image)
    image[~anatomy.brain] = look.meninges
    return np.asarray(image, dtype=np.float32)
