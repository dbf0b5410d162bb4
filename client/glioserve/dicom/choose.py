"""Which series of a study are its T1, T1CE, T2 and FLAIR."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from glioserve.dicom.geometry import Stack, stack_of
from glioserve.dicom.series import Series, Study
from glioserve.dicom.weighting import Verdict, weigh
from glioserve.errors import LocalInputError
from glioserve.terms import Modality

MIN_EXTENT_MM = 100.0
"""Of a series along each of its axes; less does not hold a brain."""
EQUAL_SHARE = 0.02
"""Resolutions that differ by less are equal."""


@dataclass(frozen=True)
class Row:
    """What became of one series.

    Args:
        uid: SeriesInstanceUID.
        number: SeriesNumber, where there is one.
        description: SeriesDescription; people write it, it may hold anything.
        slices: How many.
        voxel_mm: Along columns, rows and slices; None where the slices are no regular stack.
        modality: What it shows; None where it is none of the four contrasts.
        picked: It is the one that is used.
        reason: Why, or why not.
    """

    uid: str
    number: int | None
    description: str
    slices: int
    voxel_mm: tuple[float, float, float] | None
    modality: Modality | None
    picked: bool
    reason: str


@dataclass(frozen=True, eq=False)
class Choice:
    """The series that make up an exam.

    Args:
        series: One per contrast.
        rows: One per series of the study, in its order.
    """

    series: Mapping[Modality, Series]
    rows: tuple[Row, ...]


class ChoiceError(LocalInputError):
    """No one series can be told to be a contrast: there is none, several are alike, or its slices are no whole stack.

    Args:
        field: The contrast.
        rule: See `InputFault`.
        got: See `InputFault`.
        rows: What became of each series.
    """

    def __init__(self, field: str, rule: str, got: str, *, rows: tuple[Row, ...]) -> None:
        super().__init__(field, rule, got)
        self.rows = rows


@dataclass(frozen=True, eq=False)
class _Candidate:
    series: Series
    verdict: Verdict
    stack: Stack | LocalInputError

    @property
    def coarseness(self) -> tuple[float, float]:
        """Longest side of a voxel, then its volume; less is better."""
        if isinstance(self.stack, LocalInputError):
            return float("inf"), float("inf")
        x, y, z = self.stack.spacing_mm
        return max(x, y, z), x * y * z


def choose_series(study: Study, *, wanted: Mapping[Modality, str] = MappingProxyType({})) -> Choice:
    """Picks one series for each contrast: by what sequence and words say, then by resolution.

    Derived images, localizers, diffusion, perfusion, angiography, projections and the like are never picked, nor is a
    series that does not hold a brain. Of several that show one contrast the finest is picked; if two are equally fine
    the caller must say which.

    Args:
        study: From `read_study`.
        wanted: Series that the caller has chosen, by number or SeriesInstanceUID. What they show is not judged, but
            they must be whole stacks.

    Raises:
        ChoiceError: A contrast has no series, several alike, or only one that is no whole stack. It tells what became
            of each series.
        LocalInputError: A wanted series is not there, or wanted for two contrasts.
    """
    chosen = {modality: _find(study, modality, text) for modality, text in wanted.items()}
    if len({each.uid for each in chosen.values()}) < len(chosen):
        raise LocalInputError("series", "must be wanted for one contrast each", "one for two")
    modality_of = {series.uid: modality for modality, series in chosen.items()}
    candidates = [_candidate(each, modality_of.get(each.uid), taken=frozenset(chosen)) for each in study.series]
    picked: dict[Modality, _Candidate] = {}
    faults: list[tuple[str, str, str]] = []
    for modality in Modality:
        found = _best(modality, [each for each in candidates if each.verdict.modality is modality], len(candidates))
        if isinstance(found, _Candidate):
            picked[modality] = found
        else:
            faults.append(found)
    rows = tuple(_row(each, picked) for each in candidates)
    if faults:
        field, rule, got = faults[0]
        more = f"; and nothing for {', '.join(fault[0] for fault in faults[1:])}" if len(faults) > 1 else ""
        raise ChoiceError(field, rule, got + more, rows=rows)
    return Choice(MappingProxyType({modality: each.series for modality, each in picked.items()}), rows)


def _find(study: Study, modality: Modality, text: str) -> Series:
    found = [each for each in study.series if text in {each.uid, str(each.number)}]
    if len(found) != 1:
        raise LocalInputError(
            modality.value, "must be the number or UID of one series of the study", f"{len(found)} series"
        )
    return found[0]


def _candidate(series: Series, wanted: Modality | None, *, taken: frozenset[Modality]) -> _Candidate:
    verdict = weigh(series.acquisition) if wanted is None else Verdict(wanted, f"{wanted.value} as asked for")
    if wanted is None and verdict.modality in taken:
        verdict = Verdict(None, f"{verdict.reason}; another was asked for")
    try:
        stack = stack_of(series, field="series")
    except LocalInputError as error:
        return _Candidate(series, verdict, error)
    if verdict.modality is not None and wanted is None and min(stack.extent_mm) < MIN_EXTENT_MM:
        verdict = Verdict(None, f"{verdict.reason}, but covers {min(stack.extent_mm):.0f} mm only")
    return _Candidate(series, verdict, stack)


def _best(modality: Modality, candidates: list[_Candidate], series: int) -> _Candidate | tuple[str, str, str]:
    """The one to use, or the fault's field, rule and what was got."""
    if not candidates:
        return modality.value, "must be a series of the study", f"none of {series} that shows it for certain"
    whole = [each for each in candidates if isinstance(each.stack, Stack)]
    if not whole:
        fault = candidates[0].stack
        return modality.value, *((fault.rule, fault.got) if isinstance(fault, LocalInputError) else ("", ""))
    finest = min(whole, key=lambda each: each.coarseness)
    equal = [each for each in whole if _equally_fine(each, finest)]
    if len(equal) > 1:
        return (
            modality.value,
            "must be one series",
            f"{len(equal)} equally fine: {', '.join(each.series.title for each in equal)}",
        )
    return finest


def _equally_fine(one: _Candidate, other: _Candidate) -> bool:
    return all(abs(a - b) <= EQUAL_SHARE * b for a, b in zip(one.coarseness, other.coarseness, strict=True))


def _row(candidate: _Candidate, picked: Mapping[Modality, _Candidate]) -> Row:
    series, verdict, stack = candidate.series, candidate.verdict, candidate.stack
    best = picked.get(verdict.modality) if verdict.modality is not None else None
    reason = verdict.reason
    if verdict.modality is not None:
        if isinstance(stack, LocalInputError):
            reason = f"{reason}, but {stack.rule}, got {stack.got}"
        elif best is None:
            reason = f"{reason}, but several are alike"
        elif best is not candidate:
            reason = f"{reason}, but coarser than {best.series.title}"
    return Row(
        uid=series.uid,
        number=series.number,
        description=series.acquisition.description,
        slices=len(series.slices),
        voxel_mm=stack.spacing_mm if isinstance(stack, Stack) else None,
        modality=verdict.modality,
        picked=best is candidate,
        reason=reason,
    )
