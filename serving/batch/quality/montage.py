"""The cases that the page shows: their contrasts side by side, outlines over them, what was measured below."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

from imaging.modality import Modality
from imaging.phantom.lesion import Enhancement
from imaging.regions import Region
from serving.batch.quality.picture import CasePicture
from serving.synthesis.provenance import Provenance

MODALITY_TITLES = {Modality.T1: "T1", Modality.T1CE: "T1CE", Modality.T2: "T2", Modality.FLAIR: "FLAIR"}
REGION_COLOURS = {Region.WT: "#56b4e9", Region.TC: "#f0e442", Region.ET: "#d55e00"}
"""As in the client's report: from Okabe and Ito's set for colour-blind readers."""
_TITLE_SHARE = 0.085
"""Of a picture's width, in the height of its title."""


def montage(pictures: Sequence[CasePicture], released: Sequence[Provenance]) -> str:
    """The chosen cases, each with its contrasts side by side and outlines over them."""
    by_id = {case.case_id: case for case in released}
    return "".join(_case(number, picture, by_id[picture.case_id]) for number, picture in enumerate(pictures))


def _case(number: int, picture: CasePicture, case: Provenance) -> str:
    width, height = (extent * size for extent, size in zip(picture.size, picture.pixel_mm, strict=True))
    count = len(picture.modalities)
    # What `use` repeats is beyond the reach of the page's style: attributes say how lines look.
    lines = "".join(
        f'<path d="{picture.outlines[region]}" fill="none" stroke="{REGION_COLOURS[region]}" stroke-width="1.4" '
        'vector-effect="non-scaling-stroke"/>'
        for region in Region
        if picture.outlines[region]
    )
    size = width * _TITLE_SHARE
    head = 1.5 * size
    stretch = f"scale({picture.pixel_mm[0]:g} {picture.pixel_mm[1]:g})"
    uses = "".join(f'<use href="#lines-{number}" x="{tile * width:g}"/>' for tile in range(count))
    titles = "".join(
        f'<text x="{(tile + 0.5) * width:g}" y="{-size / 2:.2f}" font-size="{size:.2f}" text-anchor="middle">'
        f"{MODALITY_TITLES[modality]}</text>"
        for tile, modality in enumerate(picture.modalities)
    )
    image = base64.b64encode(picture.png).decode("ascii")
    measures = case.measures
    sizes = " ".join(
        f'<span class="{region.value}">{region.name} <b>{getattr(measures, f"{region.value}_ml"):.1f}</b></span>'
        for region in Region
    )
    about = f"{measures.side.value}, {_uptake(case)}, {escape(case.source.kind)}"
    return (
        f'<figure class="case"><svg viewBox="0 {-head:.2f} {count * width:g} {height + head:.2f}" role="img" '
        f'aria-label="{escape(picture.case_id)}: one axial slice in {count} contrasts">'
        f'<defs><g id="lines-{number}"><g transform="{stretch}">{lines}</g></g></defs>'
        f'<image width="{count * width:g}" height="{height:g}" preserveAspectRatio="none" '
        f'href="data:image/png;base64,{image}"/><g class="lines">{uses}</g>{titles}</svg>'
        f"<figcaption><b>{escape(picture.case_id)}</b> {sizes} ml <em>{about}</em></figcaption></figure>"
    )


def _uptake(case: Provenance) -> str:
    kind = case.measures.enhancement
    return "no uptake" if kind is Enhancement.NONE else kind.value
