"""Small libraries of brain maps to test with: balls of tissue with a tumour of each kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from imaging.brainmap.library import MapLibrary, write_index, write_map
from imaging.brainmap.maps import BrainMap, Lesion
from imaging.phantom.lesion import Enhancement
from tests.imaging.brainmap.balls import ball_map, distance

LEFT, RIGHT = (10.0, 15.5, 11.5), (21.0, 15.5, 11.5)
SPACING_MM = 2.0
"""So that tumours of a few voxels have a few millilitres."""


def tumour_map(kind: Enhancement, *, at: tuple[float, float, float] = LEFT, radius: float = 3.5) -> BrainMap:
    """A ball with a tumour of a kind; 1.4 ml at a radius of 3.5."""
    made = ball_map(tumour=at, radius=radius, spacing_mm=SPACING_MM)
    lesion = made.lesion.copy()
    core = np.isin(lesion, (Lesion.NCR, Lesion.ET))
    lesion[core] = Lesion.NCR if kind is Enhancement.NONE else Lesion.ET
    if kind is Enhancement.RING:
        lesion[core & (distance(at) <= 0.6 * radius)] = Lesion.NCR
    return BrainMap(made.bands, lesion, made.grid)


def write_library(
    folder: Path, *, kinds: tuple[Enhancement, ...] = tuple(Enhancement), radii: tuple[float, ...] = (3.0, 3.5, 4.0)
) -> MapLibrary:
    """A library with a tumour of each kind and each radius, on either side by turns."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = [
        write_map(folder, tumour_map(kind, at=(LEFT, RIGHT)[index % 2], radius=radius))
        for index, (kind, radius) in enumerate((kind, radius) for kind in kinds for radius in radii)
    ]
    return write_index(folder, entries, sources_digest="0" * 64)
