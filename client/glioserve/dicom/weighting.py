"""What a series of MR images shows: which of the four contrasts, or why none of them.

Two witnesses are heard: the sequence's parameters, and the words that people wrote. Where both speak they must agree;
words alone do where the parameters were removed. What is contradictory or unclear is none of the four, as a wrong
contrast is worse than a missing one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from glioserve.dicom.series import Acquisition
from glioserve.dicom.words import agent_in, contrast_of, kind_of, normal, speaks
from glioserve.terms import Modality

T2_STAR_ECHO_MS = 10.0
"""Gradient echoes later than this show susceptibility, not T1."""
ECHO_ROUNDING_MS = 1.0
"""Echo times this near to each other are one."""
SHORT_ECHO_MS = 40.0
LONG_ECHO_MS = 60.0
SHORT_REPETITION_MS = 1300.0
LONG_REPETITION_MS = 1500.0
FLUID_INVERSION_MS = 1500.0
"""Inversion times from here on suppress fluid; shorter ones weight T1, or suppress fat."""


@dataclass(frozen=True)
class Verdict:
    """What a series is taken for.

    Args:
        modality: One of the four contrasts, or None.
        reason: Why, in a few words that hold nothing people wrote.
    """

    modality: Modality | None
    reason: str


class _Timing(Enum):
    """What echo, repetition and inversion time amount to."""

    T1 = "T1-weighted"
    T2 = "T2-weighted"
    FLAIR = "T2-weighted with fluid suppressed"
    PROTON_DENSITY = "weighted by proton density"
    T2_STAR = "weighted by susceptibility"
    FAT_SUPPRESSED = "T2-weighted with fat suppressed by inversion"
    UNKNOWN = "not stated"


_ALIKE = {
    (None, _Timing.T1): Modality.T1,
    (None, _Timing.T2): Modality.T2,
    (None, _Timing.FLAIR): Modality.FLAIR,
    (Modality.T1, _Timing.T1): Modality.T1,
    (Modality.T1, _Timing.PROTON_DENSITY): Modality.T1,  # with an inversion that the header leaves out
    (Modality.T1, _Timing.UNKNOWN): Modality.T1,
    (Modality.T2, _Timing.T2): Modality.T2,
    (Modality.T2, _Timing.FLAIR): Modality.FLAIR,  # people call it T2 as well
    (Modality.T2, _Timing.UNKNOWN): Modality.T2,
    (Modality.FLAIR, _Timing.FLAIR): Modality.FLAIR,
    (Modality.FLAIR, _Timing.T2): Modality.FLAIR,  # with an inversion that the header leaves out
    (Modality.FLAIR, _Timing.UNKNOWN): Modality.FLAIR,
}
"""What words and timing mean together, T1CE being a T1 here. Other pairs contradict each other, or say nothing."""


def weigh(acquisition: Acquisition) -> Verdict:
    """What a series shows, as its headers say.

    Args:
        acquisition: How it was acquired.
    """
    text = normal(acquisition.description)
    if not speaks(text):
        text = f"{text} {normal(acquisition.protocol)}"
    if reason := _excluded(acquisition, text):
        return Verdict(None, reason)
    words = contrast_of(text) or _stated(acquisition)
    timing = _timed(acquisition)
    shown = _ALIKE.get((words, timing))
    if shown is None:
        said = f"words for {words.value}" if words else "no words for a contrast"
        return Verdict(None, f"{said}, timing {timing.value}")
    witnesses = [name for name, heard in (("words", words), ("timing", timing is not _Timing.UNKNOWN)) if heard]
    reason = f"{shown.value} by {' and '.join(witnesses)}"
    if shown is not Modality.T1:
        return Verdict(shown, reason)
    return _with_agent(acquisition, text, reason)


def _with_agent(acquisition: Acquisition, text: str, reason: str) -> Verdict:
    """T1 or T1CE. Words go before the header, where an agent often stays from the protocol, or was never entered."""
    said = agent_in(text)
    enhanced = acquisition.agent if said is None else said
    if enhanced is None:
        return Verdict(Modality.T1, f"{reason}; nothing said of a contrast agent")
    by = "header" if said is None else "words"
    if enhanced:
        return Verdict(Modality.T1CE, f"{reason}; contrast agent by {by}")
    return Verdict(Modality.T1, f"{reason}; no contrast agent by {by}")


def _excluded(acquisition: Acquisition, text: str) -> str | None:
    """Why a series is never picked, whatever its contrast."""
    if "DERIVED" in acquisition.image_type:
        return "derived from other images"
    kind = kind_of(text, acquisition.image_type | acquisition.contrast)
    if kind is not None:
        return kind
    echoes = acquisition.echoes_ms
    checks = (
        (acquisition.diffusion, "diffusion"),
        (acquisition.angiography, "angiography or flow"),
        ("EP" in acquisition.scanning, "echo planar: diffusion, perfusion or functional"),
        (acquisition.time_points > 1, "several points in time"),
        (bool(echoes) and echoes[-1] - echoes[0] > ECHO_ROUNDING_MS, "several echoes"),
    )
    return next((reason for found, reason in checks if found), None)


def _stated(acquisition: Acquisition) -> Modality | None:
    """The contrast that the header of an enhanced image names."""
    named = {"T1": Modality.T1, "T2": Modality.T2, "FLUID_ATTENUATED": Modality.FLAIR}
    found = {named[value] for value in acquisition.contrast if value in named}
    return found.pop() if len(found) == 1 else None


def _timed(acquisition: Acquisition) -> _Timing:
    if not acquisition.echoes_ms or acquisition.repetition_ms is None:
        return _Timing.UNKNOWN
    echo_ms, repetition_ms = acquisition.echoes_ms[0], acquisition.repetition_ms
    inversion_ms = acquisition.inversion_ms or 0.0
    if "GR" in acquisition.scanning and "SE" not in acquisition.scanning:
        return _Timing.T2_STAR if echo_ms > T2_STAR_ECHO_MS else _Timing.T1
    if echo_ms < SHORT_ECHO_MS:
        inverted = 0 < inversion_ms < FLUID_INVERSION_MS
        return _Timing.T1 if inverted or repetition_ms <= SHORT_REPETITION_MS else _Timing.PROTON_DENSITY
    if echo_ms < LONG_ECHO_MS or repetition_ms < LONG_REPETITION_MS:
        return _Timing.UNKNOWN
    if inversion_ms >= FLUID_INVERSION_MS:
        return _Timing.FLAIR
    return _Timing.FAT_SUPPRESSED if inversion_ms > 0 else _Timing.T2
