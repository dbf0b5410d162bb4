"""The case check: everything that speaks against an exam, before it is registered or any network runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from imaging.casecheck.contrast import check_contrast_order
from imaging.casecheck.coverage import check_brain, check_covered
from imaging.casecheck.errors import CaseRefusedError
from imaging.casecheck.facts import FileFacts
from imaging.casecheck.finding import EXAM, Finding, FindingRule
from imaging.casecheck.intensities import check_clipped, check_finite, check_varied
from imaging.casecheck.look import Look
from imaging.casecheck.shape import check_axes, check_field_of_view, check_orientation, check_sides, check_slices
from imaging.casecheck.together import (
    Needs,
    are_aligned,
    check_duplicates,
    check_grids,
    check_present,
    check_skull,
)
from imaging.modality import Modality
from imaging.raw_exam import RawExam
from imaging.regions import Region
from imaging.volume import Volume

_OF_GRIDS = (check_axes, check_slices, check_field_of_view, check_orientation, check_sides)
_OF_VOXELS = (check_clipped, check_brain)
_RULES = list(FindingRule)
_FIELDS = [EXAM, *(modality.value for modality in Modality)]


@dataclass(frozen=True)
class CaseReport:
    """What the check found.

    Args:
        findings: Those that refuse first, then in the order of `FindingRule` and `Modality`; none where all is well.
        possible: The regions that can be found from the contrasts that are there and are not refused.
        aligned: Whether the contrasts need no registration, beyond doubt.
        skull_stripped: Whether no contrast needs brain extraction.
    """

    findings: tuple[Finding, ...]
    possible: tuple[Region, ...]
    aligned: bool
    skull_stripped: bool

    @property
    def refused(self) -> bool:
        """Whether the exam is not worked on."""
        return any(finding.refuses for finding in self.findings)

    def require(self) -> None:
        """Go on with an exam that is not refused.

        Raises:
            CaseRefusedError: It is; the error tells every reason.
        """
        if self.refused:
            raise CaseRefusedError(self.findings)


def check_case(
    exam: RawExam, *, needs: Needs, facts: Mapping[Modality, FileFacts], extracts_brain: bool = True
) -> CaseReport:
    """Check an exam as it was sent. Costs less than a second for one of BraTS; raises for no exam, however bad.

    Args:
        exam: The contrasts, each on a grid of its own.
        needs: The contrasts that each region is found from.
        facts: What headers say beside volumes, where that is known.
        extracts_brain: Whether brain extraction is served; else exams with a skull are refused.
    """
    return report_on(exam.volumes, faults=(), needs=needs, facts=facts, extracts_brain=extracts_brain)


def report_on(
    volumes: Mapping[Modality, Volume],
    *,
    faults: Iterable[Finding],
    needs: Needs,
    facts: Mapping[Modality, FileFacts],
    extracts_brain: bool,
) -> CaseReport:
    """As `check_case`, with contrasts that could not be read.

    Args:
        volumes: Those that could be; may be empty.
        faults: A finding for each of the others; its field is the contrast's.
        needs: See `check_case`.
        facts: See `check_case`.
        extracts_brain: See `check_case`.
    """
    looks = {
        modality: Look(modality, volumes[modality], facts.get(modality)) for modality in Modality if modality in volumes
    }
    faults = [*faults]
    unread = {Modality(fault.field) for fault in faults}
    alone = [*chain.from_iterable(_alone(look) for look in looks.values())]
    unfit = {finding.field for finding in alone if _unfit(finding)}
    fit = {modality: look for modality, look in looks.items() if look.field not in unfit}
    findings = [
        *faults,
        *alone,
        *check_present(frozenset(looks) | unread, needs),
        *(_together(fit, extracts_brain=extracts_brain) if fit else ()),
    ]
    refused = {finding.field for finding in findings if finding.refuses}
    usable = {modality for modality in fit if not refused & {modality.value, EXAM}}
    return CaseReport(
        findings=tuple(sorted(findings, key=_order)),
        possible=tuple(region for region in Region if region in needs and usable.issuperset(needs[region])),
        aligned=bool(fit) and are_aligned(fit),
        skull_stripped=bool(fit) and all(look.stripped for look in fit.values()),
    )


def _alone(look: Look) -> Iterator[Finding]:
    """What speaks against one contrast. Voxels of no use are not looked at further."""
    of_grid = [finding for rule in _OF_GRIDS for finding in rule(look)]
    yield from of_grid
    yield from check_finite(look)
    if not look.finite or any(map(_unfit, of_grid)):
        return
    if constant := [*check_varied(look)]:
        yield from constant
        return
    for rule in _OF_VOXELS:
        yield from rule(look)


def _unfit(finding: Finding) -> bool:
    """Whether a finding leaves nothing of a contrast to look at: any refusal but a doubt about its sides."""
    return finding.refuses and finding.rule is not FindingRule.LEFT_RIGHT


def _together(fit: Mapping[Modality, Look], *, extracts_brain: bool) -> Iterator[Finding]:
    """What speaks against contrasts that can be looked at, taken together."""
    yield from check_grids(fit)
    yield from check_covered(fit)
    yield from check_skull(fit, extracts_brain=extracts_brain)
    yield from check_duplicates(fit)
    yield from check_contrast_order(fit)


def _order(finding: Finding) -> tuple[bool, int, int]:
    return not finding.refuses, _RULES.index(finding.rule), _FIELDS.index(finding.field)
