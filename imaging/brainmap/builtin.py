"""The built-in source of brain maps: nobody's brain, with a glioma that was grown in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType

import numpy as np

from imaging.brainmap.maps import BrainMap, Lesion, to_bands
from imaging.modality import Modality
from imaging.phantom.acquisition import Protocol, acquire
from imaging.phantom.contrast import Appearance, render
from imaging.phantom.frame import GRID, to_frame
from imaging.phantom.head import Streams, grow_head
from imaging.regions import Region
from imaging.synthesis.case import BuiltinSource

BUILTIN_VOLUME_RANGE_ML = (5.0, 180.0)
"""Whole tumours that can be grown."""

LOOKS: Mapping[Modality, tuple[Appearance, Appearance]] = MappingProxyType(
    {
        Modality.T1: (
            Appearance(
                csf=240, gm=610, wm=815, meninges=290, oedema=640, solid=560, fluid=400, enhancing=600, vessel=600
            ),
            Appearance(
                csf=220, gm=540, wm=690, meninges=270, oedema=610, solid=530, fluid=390, enhancing=570, vessel=560
            ),
        ),
        Modality.T1CE: (
            Appearance(
                csf=130, gm=345, wm=430, meninges=140, oedema=360, solid=330, fluid=180, enhancing=650, vessel=1600
            ),
            Appearance(
                csf=150, gm=400, wm=570, meninges=170, oedema=420, solid=390, fluid=210, enhancing=680, vessel=1600
            ),
        ),
        Modality.T2: (
            Appearance(
                csf=880, gm=350, wm=200, meninges=110, oedema=430, solid=510, fluid=740, enhancing=470, vessel=150
            ),
            Appearance(
                csf=880, gm=420, wm=315, meninges=130, oedema=540, solid=580, fluid=780, enhancing=560, vessel=200
            ),
        ),
        Modality.FLAIR: (
            Appearance(
                csf=110, gm=580, wm=420, meninges=120, oedema=900, solid=790, fluid=660, enhancing=770, vessel=350
            ),
            Appearance(
                csf=100, gm=475, wm=385, meninges=110, oedema=800, solid=720, fluid=580, enhancing=690, vessel=300
            ),
        ),
    }
)  # fmt: skip
"""Intensities in thousandths of a contrast's range, of which maps have quarters, as scanners give them: the usual
look, in which bands tell grey from white matter or fluid best, and another. The means of grey and of white matter
lie well inside a band; at a threshold a map would be all blotches."""

_USUAL_SHARE = 0.65
_WHITE = 1000
_NORMAL_TISSUES = ("csf", "gm", "wm")
_TISSUE_VARIATION = 0.025
_LESION_VARIATION = 0.06


def builtin_map(source: BuiltinSource) -> BrainMap:
    """Grow a map. The same source gives the same map, on one kind of machine and one set of versions.

    Raises:
        PhantomError: The seed is negative, or the volume outside `BUILTIN_VOLUME_RANGE_ML`.
    """
    streams = Streams.of_seed(source.seed)
    head = grow_head(
        streams,
        enhancement=source.enhancement,
        volume_ml=source.volume_ml,
        side=source.side,
        volume_range_ml=BUILTIN_VOLUME_RANGE_ML,
    )
    brain = head.anatomy.brain
    reorientation = GRID.reorientation
    bands = {}
    for modality, rng in streams.scans.items():
        ideal = render(rng, _draw_look(rng, modality), head.anatomy, head.lesion, head.vessels)
        scanned = acquire(rng, _draw_protocol(rng, modality), ideal, brain)
        banded = to_bands(scanned.astype(np.float32) / np.float32(_WHITE), brain)
        bands[modality] = np.ascontiguousarray(reorientation.apply(to_frame(banded)))
    lesion = np.zeros(brain.shape, dtype=np.uint8)
    for region, part in ((Region.WT, Lesion.ED), (Region.TC, Lesion.NCR), (Region.ET, Lesion.ET)):
        lesion[head.lesion.masks[region]] = part
    return BrainMap(bands, np.ascontiguousarray(reorientation.apply(to_frame(lesion))), reorientation.target)


def _draw_look(rng: np.random.Generator, modality: Modality) -> Appearance:
    usual, other = LOOKS[modality]
    look = usual if rng.random() < _USUAL_SHARE else other
    values = {}
    for tissue in fields(Appearance):
        variation = _TISSUE_VARIATION if tissue.name in _NORMAL_TISSUES else _LESION_VARIATION
        values[tissue.name] = float(getattr(look, tissue.name) * np.exp(rng.normal(0.0, variation)))
    return Appearance(**values)


def _draw_protocol(rng: np.random.Generator, modality: Modality) -> Protocol:
    return Protocol(
        in_plane_mm=float(rng.uniform(0.8, 1.2)),
        slice_mm=float(rng.uniform(1.0, 2.0 if modality is Modality.T1CE else 3.0)),
        noise=float(rng.uniform(0.02, 0.045)),
        shading=float(rng.uniform(0.02, 0.05)),
        gain=1.0,
    )
