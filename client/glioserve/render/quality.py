"""What a reader looks at first: the exam in brief, what was found of it, and what was done to each contrast. HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from glioserve.findings import Finding, Severity, merged
from glioserve.render.checkerboard import checkerboard
from glioserve.render.images import jpeg_tag
from glioserve.render.motion import rotation_deg, shift_mm
from glioserve.render.palette import MODALITY_TITLE
from glioserve.render.scene import Scene
from glioserve.results import Preparation, SegmentationResult
from glioserve.terms import Modality
from glioserve.wording import degrees, millilitres, millimetres, seconds, similarity

_BADGE = {Severity.REFUSE: "Refused", Severity.WARN: "Warning"}
_MODALITIES = {each.value: MODALITY_TITLE[each] for each in Modality}


def brief(result: SegmentationResult, scene: Scene) -> str:
    """Four answers at the top of the page. Nothing where the server does not tell what it did."""
    if not scene.preparations:
        return ""
    cells = (
        ("Case check", _said(merged(result.findings)), bool(result.findings)),
        ("Position", _moved(scene), False),
        ("Brain", _brain(scene), False),
        ("Time on the server", seconds(result.total_s), False),
    )
    return '<dl class="brief">{}</dl>'.format(
        "".join(
            f'<div class="{"raised" if raised else "calm"}"><dt>{title}</dt><dd>{escape(text)}</dd></div>'
            for title, text, raised in cells
        )
    )


def findings(found: Sequence[Finding]) -> str:
    """The findings of the case check, those that refuse first. Nothing where there are none."""
    rows = "".join(
        f'<li class="{each.severity.value}"><b class="mark">{_BADGE[each.severity]}</b> '
        f"<b>{escape(_about(each.field))}</b> "
        f"<span>{escape(each.must)}, got {escape(each.got)}</span> <em>{escape(each.rule.value)}</em></li>"
        for each in sorted(merged(found), key=lambda each: each.severity is not Severity.REFUSE)
    )
    return f'<section class="panel"><h2>Case check</h2><ul class="findings">{rows}</ul></section>' if rows else ""


def _about(fields: str) -> str:
    """What a finding is about, as a page names it."""
    return ", ".join(_MODALITIES.get(name, name.capitalize()) for name in fields.split(", "))


def preparation(scene: Scene) -> str:
    """What was done to each contrast, with checkerboards. Nothing where the server does not tell."""
    if not scene.preparations:
        return ""
    ordered = [scene.preparations[each] for each in Modality if each in scene.preparations]
    rows = "".join(_row(each, scene) for each in ordered)
    boards = "".join(_boards(each, scene) for each in ordered if each.modality is not Modality.T1CE)
    headings = ("Contrast", "Position", "Voxels", "Brain", "Similarity to T1CE, before and after")
    head = "".join(f'<th scope="col">{each}</th>' for each in headings)
    return (
        '<section class="panel preparation"><h2>What was done to each contrast</h2>'
        f'<div class="scroll" tabindex="0" role="region" aria-label="Table: what was done to each contrast">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
        f'<p class="small">{_EXPLAINED}</p><div class="boards">{boards}</div></section>'
    )


_EXPLAINED = (
    "Distances are those of the middle of the brain. Checkerboards alternate squares of T1CE and of the other "
    "contrast: skull, ventricles and sulci must run on across the squares."
)


def _said(found: Sequence[Finding]) -> str:
    refusing = sum(each.severity is Severity.REFUSE for each in found)
    warnings = len(found) - refusing
    said = [f"{refusing} refusing"] if refusing else []
    said += [f"{warnings} warning{'s' if warnings > 1 else ''}"] if warnings else []
    return ", ".join(said) or "nothing found"


def _moved(scene: Scene) -> str:
    registered = [each for each in scene.preparations.values() if each.registered]
    if not registered:
        return "aligned as sent"
    shifts = {each.modality: shift_mm(each.motion, scene.centre_mm) for each in registered}
    most = max(shifts, key=lambda each: shifts[each])
    contrasts = f"{len(registered)} contrast{'s' if len(registered) > 1 else ''}"
    return f"{contrasts} registered, {MODALITY_TITLE[most]} most: {millimetres(shifts[most])}"


def _brain(scene: Scene) -> str:
    if scene.brain is None:
        return "skull-stripped as sent"
    return f"extracted, {millilitres(float(scene.brain.sum() * np.prod(scene.spacing_mm) / 1000.0))}"


def _row(each: Preparation, scene: Scene) -> str:
    if each.modality is Modality.T1CE:
        position, similar = "all others are laid on it", ""
    elif each.registered:
        position = (
            f"moved {millimetres(shift_mm(each.motion, scene.centre_mm))}, turned {degrees(rotation_deg(each.motion))}"
        )
        similar = f"{similarity(each.similarity_before)} &rarr; <b>{similarity(each.similarity_after)}</b>"
    else:
        position, similar = "as sent", ""
    voxels = "resampled" if each.resampled else "as sent"
    brain = "extracted" if each.brain_extracted else "as sent"
    cells = "".join(f"<td>{cell}</td>" for cell in (position, voxels, brain, similar))
    return f'<tr><th scope="row">{MODALITY_TITLE[each.modality]}</th>{cells}</tr>'


def _boards(each: Preparation, scene: Scene) -> str:
    title = MODALITY_TITLE[each.modality]
    pictures = [("as sent", True), ("registered", False)] if each.registered else [("as sent", False)]
    return "".join(
        f"<figure>"
        f"{jpeg_tag(checkerboard(scene, each.modality, as_sent=sent), classes='board', alt=_board_alt(title, state))}"
        f"<figcaption><b>{title}</b> and T1CE, {state}</figcaption></figure>"
        for state, sent in pictures
    )


def _board_alt(title: str, state: str) -> str:
    return f"Checkerboards of {title} {state} and T1CE: axial, coronal and sagittal, through the middle of the brain"
