"""What people write about a series, read: its contrast, its contrast agent, and signs of what it is instead."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from glioserve.terms import Modality

_START = r"(?<![a-z0-9])"
_END = r"(?![a-z0-9])"
_PLANE = rf"(?:{_START}s?|ax|sag|cor|tra|[23]d)"
"""What stands before T1 and T2, with or without a gap."""


@dataclass(frozen=True)
class _Sign:
    """How a kind of series is known that is never one of the four contrasts.

    Args:
        kind: In words.
        words: What descriptions say.
        values: What ImageType or AcquisitionContrast says.
    """

    kind: str
    words: re.Pattern[str]
    values: frozenset[str]


def _sign(kind: str, words: str, *values: str) -> _Sign:
    return _Sign(kind, re.compile(f"{_START}(?:{words}){_END}"), frozenset(values))


_SIGNS = (
    _sign("a localizer", r"loc|locali[sz]\w*|scout|survey|3 ?pl(?:ane)?(?: loc)?|plan(?:ning)? scan", "LOCALIZER"),
    _sign(
        "diffusion",
        r"dwi\w*|e?adc|dti\w*|trace\w?|diff\w*|b ?\d{3,4}|colfa|fa map|hardi|dki|resolve",
        *("DIFFUSION", "ADC", "EADC", "TRACEW", "TRACE", "FA", "TENSOR", "DWI"),
    ),
    _sign(
        "perfusion or a dynamic series",
        r"perf\w*|dsc|dce|p?c?asl|r?cb[fv]|mtt|ttp|tmax|k ?trans|twist|dyn\w*",
        *("PERFUSION", "ASL", "CBF", "CBV", "RCBF", "RCBV", "MTT", "TTP"),
    ),
    _sign(
        "angiography or flow",
        r"tof|mr[av]|angio\w*|veno\w*|inhance|flow(?! ?comp)|pca|phase contrast",
        *("TOF", "ANGIO", "FLOW_ENCODED", "VELOCITY"),
    ),
    _sign(
        "a projection",
        r"mip\w*|mnip|minip|vrt|3d ?rend\w*",
        "PROJECTION IMAGE",
        "MIP",
        "MNIP",
        "MINIP",
        "MAX_IP",
        "MIN_IP",
    ),
    _sign("a reformat", r"reformat\w*|reconstruct\w*|curved", "MPR", "REFORMATTED"),
    _sign(
        "susceptibility",
        r"swi\w*|swan|t2 ?star|t2s|t2w? ?(?:gre|fl2d|fl3d)|gre t2|hae?mo\w*|medic|venobold|qsm",
        "SWI",
        "T2_STAR",
    ),
    _sign(
        "a phase or field map",
        r"pha|phase ?(?:map|image)\w*|field ?map\w*|b[01] ?map",
        *("P", "PHASE", "PHASE MAP", "R", "REAL", "I", "IMAGINARY", "B0", "FIELD MAP"),
    ),
    _sign("a difference", r"sub(?:tr\w*|s)?|difference", "SUBTRACTION"),
    _sign("functional or spectroscopic", r"bold|f ?mri|mrsi?|spectro\w*|csi", "SPECTROSCOPY"),
    _sign("fat-suppressed by inversion", r"stir", "STIR"),
    _sign("a map of relaxation", r"t[12] ?map\w*|map t[12]|relax\w*", "T1 MAP", "T2 MAP", "T1_MAP", "T2_MAP"),
    _sign("a steady state", r"fiesta\w*|ciss|trufi\w*|b?ssfp|b ffe|psif"),
    _sign("of another part of the body", r"(?:c|t|l) spine|spine|orbits?|iacs?|pituitary|sella"),
)
_T2_STAR = re.compile(r"t2w? ?\*")

_T1 = re.compile(rf"{_PLANE}t1(?!\d)|mp ?rage|spgr|bravo")
_T2 = re.compile(rf"{_PLANE}t2(?!\d)")
_FLAIR = re.compile(r"flair|dark ?fluid|fluid ?att")
_EITHER_INVERSION = re.compile(rf"{_START}tirm{_END}")
"""One maker's word for FLAIR and STIR alike."""

_AGENT = r"(?:contr\w*|gad\w*|gd|c|km)"
_WITHOUT = re.compile(
    rf"{_START}(?:pre(?: ?{_AGENT})?|non ?(?:con\w*|enh\w*)|unenhanced|w ?o|without|no {_AGENT}|nati(?:v|ve|ef)){_END}"
)
_WITH = re.compile(
    rf"{_START}(?:post(?! foss)(?: ?{_AGENT})?|gad\w*|gd|km|ce|contrast|enhanced){_END}"
    rf"|\+ ?{_AGENT}{_END}|{_START}c ?\+|t1w?(?:ce|c|gd|gad\w*|km|post){_END}"
)


def normal(text: str) -> str:
    """Lower case, words apart by one space; `+` and `*` stay."""
    return " ".join(re.sub(r"[^a-z0-9+*]+", " ", text.lower()).split())


def speaks(text: str) -> bool:
    """Whether a normal text says anything of what a series is."""
    return contrast_of(text) is not None or kind_of(text, frozenset()) is not None


def kind_of(text: str, values: AbstractSet[str]) -> str | None:
    """What a series is that is none of the four contrasts; None where there is no sign of that.

    Args:
        text: Normal.
        values: Those of ImageType and AcquisitionContrast, upper case.
    """
    if _T2_STAR.search(text):
        return "susceptibility"
    return next((sign.kind for sign in _SIGNS if sign.values & values or sign.words.search(text)), None)


def contrast_of(text: str) -> Modality | None:
    """The contrast that a normal text names, T1CE being a T1 here; None where it names none, or two."""
    t1, t2 = _T1.search(text), _T2.search(text)
    if t1:
        return None if t2 else Modality.T1
    if _FLAIR.search(text):
        return Modality.FLAIR
    return Modality.T2 if t2 and not _EITHER_INVERSION.search(text) else None


def agent_in(text: str) -> bool | None:
    """Whether a normal text says that a contrast agent was given; None where it says nothing."""
    if _WITHOUT.search(text):
        return False
    return True if _WITH.search(text) else None
