"""The page that a reader opens: one file, offline, with nothing in it that tells real from synthetic."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources
from string import Template

from imaging.modality import Modality
from training.reader_study.answers import (
    ANSWERS_FORMAT,
    BEST_SCORE,
    MAX_COMMENT_CHARACTERS,
    MAX_READER_CHARACTERS,
)
from training.reader_study.picture import CONVENTION

DISCLAIMER = "Research software, not a medical device."

_WEIGHTINGS = {
    Modality.T1: "T1-weighted",
    Modality.T1CE: "T1-weighted, contrast-enhanced",
    Modality.T2: "T2-weighted",
    Modality.FLAIR: "Fluid-attenuated inversion recovery",
}


@dataclass(frozen=True)
class PageItem:
    """All that the page knows of a slice.

    Args:
        item_id: Its name.
        modality: Its contrast.
        png: Its picture.
    """

    item_id: str
    modality: Modality
    png: bytes


def render_page(items: Sequence[PageItem], *, study_id: str, title: str) -> str:
    """The page of a study.

    Args:
        items: In the order in which they are shown.
        study_id: What answers are saved under.
        title: Shown on top.

    Returns:
        HTML that loads nothing: its policy lets no script or style run but its own.
    """
    script, style = _part("page.js"), _part("page.css")
    study = {
        "study_id": study_id,
        "format": ANSWERS_FORMAT,
        "best_score": BEST_SCORE,
        "items": [
            {
                "id": item.item_id,
                "modality": item.modality.value.upper(),
                "weighting": _WEIGHTINGS[item.modality],
                "image": f"data:image/png;base64,{base64.b64encode(item.png).decode('ascii')}",
            }
            for item in items
        ],
    }
    return Template(_part("page.template.html")).substitute(
        policy=f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'",
        title=escape(title),
        count=len(items),
        modalities=", ".join(each.value.upper() for each in Modality if any(item.modality is each for item in items)),
        study_id=study_id,
        convention=escape(CONVENTION),
        disclaimer=escape(DISCLAIMER),
        scores="".join(_score_button(score) for score in range(1, BEST_SCORE + 1)),
        best_score=BEST_SCORE,
        comment_max=MAX_COMMENT_CHARACTERS,
        reader_max=MAX_READER_CHARACTERS,
        style=style,
        script=script,
        study=json.dumps(study, separators=(",", ":")).replace("<", "\\u003c"),
    )


def _score_button(score: int) -> str:
    name = {1: ", poor", BEST_SCORE: ", excellent"}.get(score, "")
    return (
        f'<label><input type="radio" name="score" value="{score}" aria-label="{score}{name}">'
        f'<span class="choice" aria-hidden="true">{score}</span></label>'
    )


def _part(name: str) -> str:
    return (resources.files("training.reader_study") / name).read_text(encoding="utf-8")


def _hash(source: str) -> str:
    """An inline source as a content security policy names it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode('ascii')}"
