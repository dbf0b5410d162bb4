"""The pictures of the report: one set of slices per region, with layers that a reader can switch on and off."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from PIL import Image

from glioserve.render.images import jpeg_tag, png_tag
from glioserve.render.montage import (
    Layout,
    draw_base,
    draw_brain_layer,
    draw_layer,
    draw_reference_layer,
    layout_of,
)
from glioserve.render.scene import Scene
from glioserve.render.views import View, view_of_region
from glioserve.terms import Region
from glioserve.wording import REGION_TITLE


@dataclass(frozen=True)
class Figure:
    """HTML of the figure.

    Args:
        inputs: The switches, which CSS looks at.
        tabs: Their labels: which region the slices are chosen for.
        toggles: Their labels: which outlines are shown.
        frames: The pictures.
    """

    inputs: str
    tabs: str
    toggles: str
    frames: str


def figure_of(scene: Scene) -> Figure:
    """The figure of a scene."""
    layout = layout_of(scene)
    layers = [region.value for region in Region]
    layers += ["reference"] if scene.reference is not None else []
    layers += ["brain"] if scene.brain is not None else []
    return Figure(
        inputs="".join(
            f'<input type="radio" name="view" id="view-{region.value}"{" checked" if region is Region.WT else ""}>'
            for region in Region
        )
        + "".join(f'<input type="checkbox" id="show-{layer}" checked>' for layer in layers),
        tabs="".join(f'<label for="view-{region.value}">{region.name}</label>' for region in Region),
        toggles="".join(
            f'<label for="show-{layer}"><i class="key key-{layer}"></i>{escape(_layer_title(layer))}</label>'
            for layer in layers
        ),
        frames="".join(_frame(scene, region, layout) for region in Region),
    )


def _layer_title(layer: str) -> str:
    return layer.capitalize() if layer in {"reference", "brain"} else layer.upper()


def _frame(scene: Scene, region: Region, layout: Layout) -> str:
    view = view_of_region(scene, region)
    width, height = layout.size
    images = [jpeg_tag(draw_base(scene, view, layout), classes="base", alt=_description(region, view))]
    if scene.brain is not None:
        brain = draw_brain_layer(scene.brain, view, layout)
        images.append(png_tag(brain, classes="layer layer-brain", alt="Outlines of the brain"))
    if scene.reference is not None:
        expert = Image.new("RGBA", layout.size)
        for each in Region:
            expert.alpha_composite(draw_reference_layer(scene.reference, each, view, layout))
        images.append(png_tag(expert, classes="layer layer-reference", alt="Outlines of the reference, dotted"))
    for each in Region:
        layer = draw_layer(scene.masks, each, view, layout)
        images.append(png_tag(layer, classes=f"layer layer-{each.value}", alt=f"Outlines of {each.name}"))
    return (
        f'<figure class="frame frame-{region.value}">'
        f'<div class="stack" style="aspect-ratio:{width}/{height}">{"".join(images)}</div>'
        f"<figcaption>{escape(_description(region, view))}</figcaption></figure>"
    )


def _description(region: Region, view: View) -> str:
    title = f"{region.name}, {REGION_TITLE[region].lower()}"
    if not view.chosen_by:
        return "No tumour was found: the middle slices of the head, in three planes and four contrasts."
    if view.chosen_by[0] is not region:
        return f"{title}: none found. These are the slices with the largest area of {view.chosen_by[0].name}."
    return f"{title}: the slice with its largest area in each plane, in four contrasts."
