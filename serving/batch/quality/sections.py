"""The parts of the page, as HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from imaging.regions import Region
from imaging.replicas.report import QUANTILE
from serving.batch.quality.charts import histogram, limit_bar, share_rows, span_of
from serving.batch.quality.facts import (
    ReplicaFacts,
    enhancement_shares,
    miss_of,
    side_shares,
    source_shares,
    volumes_of,
    within_range,
)
from serving.batch.quality.montage import MODALITY_TITLES
from serving.batch.quality.places import MAX_POINTS, places
from serving.batch.spec import CohortSpec, LibraryEntry, NearSource
from serving.synthesis.provenance import LibraryRecord, Provenance

MAX_FAILURES = 12
"""So many failures are told one by one."""
_REGION_TITLES = {Region.WT: "whole tumour", Region.TC: "tumour core", Region.ET: "enhancing tumour"}


def counts(spec: CohortSpec, *, released: int, quarantined: int, failed: int) -> str:
    """What became of the cases that were asked for."""
    open_ = max(spec.cases - released - quarantined - failed, 0)
    cards = [
        ("good", "in the cohort", released, f"of {spec.cases:,} asked for"),
        ("warn", "quarantined", quarantined, "made, and set aside by the replica check"),
        ("bad", "failed", failed, "no case came of these"),
    ]
    if open_:
        cards.append(("open", "not made yet", open_, "the cohort is not finished"))
    return "".join(
        f'<section class="card {kind if count else "nil"}"><h2>{title}</h2><p class="big">{count:,}</p>'
        f'<p class="small">{note}</p></section>'
        for kind, title, count, note in cards
    )


def volumes(spec: CohortSpec, released: Sequence[Provenance]) -> str:
    """Histograms of the three regions."""
    found, asked = volumes_of(released), spec.lesion.volume_ml
    span = span_of(found, asked)
    parts = []
    for each in found:
        chart = histogram(each, span, asked_ml=asked if each.region is Region.WT else None)
        note = f"without in {each.without:,}" if each.without else ""
        if each.values_ml:
            note = f"{_three(each.values_ml)} ml{f'; {note}' if note else ''}"
        parts.append(
            f'<figure class="{each.region.value}"><figcaption><span class="dot"></span><b>{each.region.name}</b> '
            f"{_REGION_TITLES[each.region]}<em>{note}</em></figcaption>{chart}</figure>"
        )
    return f'<div class="thirds">{"".join(parts)}</div><p class="note">{_volume_note(spec, released)}</p>'


def _volume_note(spec: CohortSpec, released: Sequence[Provenance]) -> str:
    low, high = spec.lesion.volume_ml
    values = [case.measures.wt_ml for case in released]
    note = (
        f"Millilitres on a logarithmic axis; smallest, median and largest above. Shaded: the {low:g} to {high:g} ml "
        f"asked for WT, which {within_range(values, spec.lesion.volume_ml):,} of {len(values):,} cases keep to."
    )
    miss = miss_of(released)
    return note if miss is None else f"{note} The median case misses the volume it was aimed at by {miss:.2%}."


def _three(values: Sequence[float]) -> str:
    return " · ".join(f"{value:.3g}" for value in (values[0], float(np.median(values)), values[-1]))


def location(spec: CohortSpec, released: Sequence[Provenance]) -> str:
    """Where the tumours sit."""
    shown = len(released[:: -(-len(released) // MAX_POINTS)]) if released else 0
    which = "" if shown == len(released) else f" {shown:,} of {len(released):,} cases, evenly chosen."
    return (
        f"{places(released)}{share_rows(side_shares(spec, released))}"
        f'<p class="note">Middles of whole tumours within their own brain, drawn over a schematic one.{which}</p>'
    )


def mix(spec: CohortSpec, released: Sequence[Provenance]) -> str:
    """How tumours take up contrast agent, and what they were drawn from."""
    return (
        f"<h3>Contrast enhancement</h3>{share_rows(enhancement_shares(spec, released))}"
        f"<h3>Source of the brain map</h3>{share_rows(source_shares(spec, released))}"
    )


def replicas(spec: CohortSpec, facts: ReplicaFacts) -> str:
    """What the replica check found, and what that means."""
    if not facts.judged:
        return (
            '<p class="callout warning">No case was judged: the generator has no index of its training patients. '
            "Treat every case as if it resembled one.</p>"
        )
    lead = (
        f'<p class="lead"><b>{facts.replicas:,}</b> of {_cases(facts.judged)}. A replica is nearer to a training '
        "patient, with whose map it has nothing to do, than patients are to each other.</p>"
    )
    bar = (
        f'<div class="limit"><span>Largest share of one case\'s slices that was flagged</span>'
        f"{limit_bar(facts.largest_share, facts.limits[0])}<b>{facts.largest_share:.1%}</b>"
        f"<em>limit {_joined(facts.limits, '{:.1%}')}</em></div>"
    )
    near = (
        "set aside, as the spec asks"
        if spec.replicas.near_source is NearSource.QUARANTINE
        else "released, as the spec asks; each carries that patient's anatomy"
    )
    flagged = (
        "A slice is flagged when its estimated correlation with the nearest slice of a training patient exceeds "
        f"{_joined(facts.thresholds, '{:.3f}')}, which {1 - QUANTILE:.0%} of real slices do with another patient's. "
        "A case with more flagged slices than the limit is a replica and is set aside."
    )
    source = "No case was drawn from the own map of a training patient."
    if facts.near_source:
        source = f"{_cases(facts.near_source)} drawn from the own map of a training patient: {near}."
    caution = (
        "No replica found means no more than that: hashes of slices at a coarse scale were compared, not all there is."
    )
    notes = [flagged, source, caution]
    if facts.unjudged:
        notes.append(f"{_cases(facts.unjudged)} not judged.")
    return f'{lead}{bar}<ul class="notes">{"".join(f"<li>{note}</li>" for note in notes)}</ul>'


def _cases(count: int) -> str:
    return f"{count:,} {'case' if count == 1 else 'cases'}"


def _joined(values: Sequence[float], pattern: str) -> str:
    return " and ".join(pattern.format(value) for value in values)


def asked(spec: CohortSpec) -> str:
    """The spec, in words."""
    lesion = spec.lesion
    shares = ", ".join(f"{kind.value} {share:.0%}" for kind, share in lesion.enhancement.shares.items())
    facts = {
        "cases": f"{spec.cases:,}",
        "seed": f"{spec.seed}",
        "tumour volume": f"{lesion.volume_ml[0]:g} to {lesion.volume_ml[1]:g} ml",
        "hemisphere": lesion.side.value,
        "enhancement": shares,
        "contrasts": ", ".join(MODALITY_TITLES[modality] for modality in spec.modalities),
        "layout": spec.layout.value,
    }
    if any(isinstance(source, LibraryEntry) for source in spec.sources):
        facts["edits of library maps"] = (
            f"moved {lesion.shift_mm[0]:g} to {lesion.shift_mm[1]:g} mm, at least {lesion.depth_mm:g} mm deep, "
            f"turned up to {lesion.rotation_deg:g}°, reshaped {lesion.elastic_mm[0]:g} to {lesion.elastic_mm[1]:g} mm"
            f"{', mirrored or not' if lesion.mirror else ''}"
        )
    return _listed(facts)


def origin(spec: CohortSpec, cases: Sequence[Provenance], facts: ReplicaFacts) -> str:
    """What made the cohort: enough to make it again."""
    generators = sorted({(case.generator.name, case.generator.version, case.generator.sha256) for case in cases})
    libraries = sorted({case.source.library or "" for case in cases if isinstance(case.source, LibraryRecord)} - {""})
    software: dict[str, set[str]] = {}
    for case in cases:
        for name, version in case.software.items():
            software.setdefault(name, set()).add(version)
    told: dict[str, str] = {"spec": _code(spec.digest)}
    for name, version, sha256 in generators:
        told[f"{name}, version {version}"] = _code(sha256)
    told |= {f"library {number + 1}" if number else "library": _code(each) for number, each in enumerate(libraries)}
    if facts.indexes:
        told["replica index"] = "".join(map(_code, facts.indexes))
    told["software"] = escape(
        ", ".join(f"{name} {' and '.join(sorted(versions))}" for name, versions in sorted(software.items()))
    )
    return _listed(told, escaped=True)


def failures(failed: Mapping[int, str]) -> str:
    """Why cases could not be made; nothing where all could."""
    if not failed:
        return ""
    shown = sorted(failed.items())[:MAX_FAILURES]
    more = len(failed) - len(shown)
    items = "".join(f"<li><b>case {index}</b> {escape(why)}</li>" for index, why in shown)
    rest = f"<li>and {more:,} more</li>" if more else ""
    return f'<section class="panel"><h2>Failed cases</h2><ul class="notes">{items}{rest}</ul></section>'


def _listed(facts: Mapping[str, str], *, escaped: bool = False) -> str:
    rows = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{value if escaped else escape(value)}</dd></div>"
        for name, value in facts.items()
    )
    return f'<dl class="stated">{rows}</dl>'


def _code(digest: str) -> str:
    return f"<code>{escape(digest)}</code>"
