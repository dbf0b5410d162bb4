"""The report's tables and lists, as HTML. Every text that comes from outside is escaped here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

from glioserve.results import RegionMetrics, SegmentationResult
from glioserve.terms import MetricStatus, Region
from glioserve.wording import (
    DOMAIN_TITLE,
    EMPTY_TITLE,
    HD95_TITLE,
    REGION_TITLE,
    STATUS_NOTE,
    count,
    millilitres,
    millimetres,
    seconds,
    share,
    stage_title,
)


def callouts(result: SegmentationResult) -> str:
    """Warnings, then notes. Nothing where there are none."""
    return "".join(
        f'<p class="callout {kind}"><b>{title}</b> {escape(text)}</p>'
        for kind, title, texts in (("warning", "Warning", result.warnings), ("note", "Note", result.notes))
        for text in texts
    )


def cards(result: SegmentationResult) -> str:
    """One card per region with its volume, and its scores where there is a reference."""
    metrics = {each.region: each for each in result.metrics}
    return "".join(
        f'<article class="card {volume.region.value}">'
        f"<h2><span>{volume.region.name}</span>{REGION_TITLE[volume.region]}</h2>"
        f"<p class='big'>{_big(volume.volume_ml)}</p>"
        f"<p class='small'>{count(volume.voxels)} voxels{_removed(volume.voxels_removed)}</p>"
        f"{_card_scores(metrics.get(volume.region))}</article>"
        for volume in result.volumes
    )


def composition(result: SegmentationResult) -> str:
    """What the whole tumour is made of, as one bar. Nothing where there is no tumour."""
    whole, core, enhancing = (result.volume_ml(region) for region in (Region.WT, Region.TC, Region.ET))
    if not whole:
        return ""
    parts = (
        ("wt", "Oedema (WT without TC)", whole - core),
        ("tc", "Non-enhancing and necrotic core (TC without ET)", core - enhancing),
        ("et", "Enhancing tumour (ET)", enhancing),
    )
    bar = "".join(f'<i class="{key}" style="width:{100 * part / whole:.2f}%"></i>' for key, _, part in parts)
    legend = "".join(
        f'<li><i class="dot {key}"></i>{title} <b>{millilitres(part)}</b> <em>{100 * part / whole:.0f} %</em></li>'
        for key, title, part in parts
    )
    return f'<section class="panel composition"><div class="bar">{bar}</div><ul>{legend}</ul></section>'


def scores(result: SegmentationResult) -> str:
    """The metrics with their conventions. Nothing without a reference."""
    conventions, scheme = result.conventions, result.reference_label_scheme
    if conventions is None or scheme is None:
        return ""
    rows = (
        (
            f"<b>{each.region.name}</b>",
            _meter(each.dsc, each.region),
            _figure(millimetres(each.hd95_mm), each),
            _figure(share(each.sensitivity), each),
            _figure(share(each.specificity, digits=4), each),
            escape(STATUS_NOTE[each.status]) or "computed",
        )
        for each in result.metrics
    )
    table = _table(("Region", "DSC", "HD95", "Sensitivity", "Specificity", "Status"), rows)
    stated = (
        ("HD95", HD95_TITLE[conventions.hd95_definition]),
        ("Empty masks", EMPTY_TITLE[conventions.empty_mask_policy]),
        ("Specificity counted over", DOMAIN_TITLE[conventions.specificity_domain]),
        ("Reference labels", scheme.value),
    )
    notes = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>" for name, text in stated)
    return (
        f'<section class="panel"><h2>Agreement with the reference</h2>{table}<dl class="stated">{notes}</dl></section>'
    )


def timings(result: SegmentationResult) -> str:
    """How long each stage took."""
    longest_s = max((each.seconds for each in result.timings), default=0.0) or 1.0
    rows = "".join(
        f"<li><span>{escape(stage_title(each.stage))}</span>"
        f'<span class="track"><i style="width:{100 * each.seconds / longest_s:.1f}%"></i></span>'
        f"<b>{seconds(each.seconds)}</b></li>"
        for each in result.timings
    )
    return f'<ul class="timings">{rows}</ul>'


def models(result: SegmentationResult) -> str:
    """What computed the result, by digest."""
    return "".join(
        f"<li><b>{escape(each.name)}</b> <em>version {escape(each.version)}"
        f"{'' if each.region is None else f', {each.region.name}'}</em>"
        f"<span>{escape(', '.join(each.channels))}</span><code>sha256 {escape(each.sha256)}</code></li>"
        for each in result.models
    )


def _big(volume_ml: float) -> str:
    if not volume_ml:
        return "none found"
    number, unit = millilitres(volume_ml).split(" ")
    return f"{number} <small>{unit}</small>"


def _removed(voxels: int) -> str:
    return f", {count(voxels)} removed by gating" if voxels else ""


def _card_scores(metrics: RegionMetrics | None) -> str:
    if metrics is None:
        return ""
    if metrics.status is not MetricStatus.COMPUTED:
        return f'<p class="score">{escape(STATUS_NOTE[metrics.status].capitalize())}</p>'
    return f'<p class="score">DSC <b>{share(metrics.dsc)}</b> HD95 <b>{millimetres(metrics.hd95_mm)}</b></p>'


def _meter(dsc: float, region: Region) -> str:
    width = 100 * dsc if math.isfinite(dsc) else 0.0
    track = f'<span class="track"><i class="{region.value}" style="width:{width:.1f}%"></i></span>'
    return f'<span class="meter">{track}<b>{share(dsc)}</b></span>'


def _figure(text: str, metrics: RegionMetrics) -> str:
    return text if metrics.status is MetricStatus.COMPUTED else f'<span class="policy">{text}</span>'


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{heading}</th>' for heading in headings)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
