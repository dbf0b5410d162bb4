"""The files of an exam, read and checked: what is wrong with one never hides what is wrong with another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from imaging.casecheck.check import CaseReport, report_on
from imaging.casecheck.facts import FileFacts
from imaging.casecheck.finding import Finding, FindingRule, Severity
from imaging.casecheck.together import Needs
from imaging.modality import Modality
from imaging.nifti import (
    NiftiAxesError,
    NiftiError,
    NiftiImage,
    NiftiInfError,
    NiftiLimits,
    NiftiNanError,
    read_nifti_image,
)
from imaging.nifti.stream import Source

_RULES: Mapping[type[NiftiError], FindingRule] = MappingProxyType(
    {
        NiftiAxesError: FindingRule.THREE_AXES,
        NiftiNanError: FindingRule.FINITE,
        NiftiInfError: FindingRule.FINITE,
    }
)
"""What a file breaks that can't be read; where an error is not named here, it is READABLE."""


@dataclass(frozen=True, eq=False)
class CaseFiles:
    """The files of an exam, as far as they could be read.

    Args:
        images: Those that could.
        errors: Why each of the others could not.
    """

    images: Mapping[Modality, NiftiImage]
    errors: Mapping[Modality, NiftiError]

    def require(self, report: CaseReport) -> None:
        """Go on with an exam that its check does not refuse.

        Raises:
            NiftiError: One file can't be read, and nothing else speaks against the exam: the reader's own error.
            CaseRefusedError: Anything else does; the error tells every reason.
        """
        refusals = [finding for finding in report.findings if finding.refuses]
        if len(refusals) == len(self.errors) == 1:
            raise next(iter(self.errors.values()))
        report.require()

    def check(self, *, needs: Needs, extracts_brain: bool = True) -> CaseReport:
        """The whole case check; raises for no files, however bad.

        Args:
            needs: The contrasts that each region is found from.
            extracts_brain: Whether brain extraction is served; else exams with a skull are refused.
        """
        return report_on(
            {modality: image.volume for modality, image in self.images.items()},
            faults=[_fault(modality, error) for modality, error in self.errors.items()],
            needs=needs,
            facts={modality: FileFacts.of(image.header) for modality, image in self.images.items()},
            extracts_brain=extracts_brain,
        )


def read_case(
    files: Iterable[tuple[Modality, Source]],
    *,
    limits: NiftiLimits,
    check_cancelled: Callable[[], None] = lambda: None,
) -> CaseFiles:
    """Read the contrasts of an exam, all of them whatever is wrong with the first.

    Args:
        files: Each contrast once.
        limits: What each may cost.
        check_cancelled: Called before each file; raises to stop.
    """
    images: dict[Modality, NiftiImage] = {}
    errors: dict[Modality, NiftiError] = {}
    for modality, source in files:
        check_cancelled()
        try:
            images[modality] = read_nifti_image(source, field=modality.value, limits=limits)
        except NiftiError as error:
            errors[modality] = error.with_traceback(None)
    return CaseFiles(MappingProxyType(images), MappingProxyType(errors))


def _fault(modality: Modality, error: NiftiError) -> Finding:
    rule = _RULES.get(type(error), FindingRule.READABLE)
    return Finding(rule, Severity.REFUSE, modality.value, error.rule, error.got)
