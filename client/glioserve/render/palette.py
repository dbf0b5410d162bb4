"""Colours and words for what is drawn. The regions' colours are from Okabe and Ito's set for colour-blind readers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from glioserve.terms import Modality, Region

Rgb = tuple[int, int, int]

REGION_RGB: Mapping[Region, Rgb] = MappingProxyType(
    {Region.WT: (86, 180, 233), Region.TC: (240, 228, 66), Region.ET: (213, 94, 0)}
)
"""Sky blue, yellow, vermilion: apart in hue and in lightness."""

REFERENCE_RGB: Rgb = (255, 255, 255)
BRAIN_RGB: Rgb = (0, 158, 115)
"""Bluish green, of the same set."""

MODALITY_TITLE: Mapping[Modality, str] = MappingProxyType(
    {Modality.T1: "T1", Modality.T1CE: "T1CE", Modality.T2: "T2", Modality.FLAIR: "FLAIR"}
)

BACKGROUND: Rgb = (0, 0, 0)
INK: Rgb = (208, 214, 221)
INK_DIM: Rgb = (139, 148, 159)


def css(colour: Rgb) -> str:
    """A colour as HTML wants it."""
    return "#{:02x}{:02x}{:02x}".format(*colour)
