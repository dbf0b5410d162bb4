"""The refusal of an exam, with all its reasons."""

from __future__ import annotations

from collections.abc import Sequence

from imaging.casecheck.finding import Finding
from imaging.errors import ImagingError

MAX_LINES = 16
"""Of an error's text, which travels in the metadata of a call, where there is little room."""


class CaseRefusedError(ImagingError):
    """An exam that can't be worked on. Its text has one line per reason.

    Args:
        findings: Of the case check, of which at least one refuses; `field`, `rule` and `got` are those of the first
            that does.

    Raises:
        ValueError: None of the findings refuses.
    """

    def __init__(self, findings: Sequence[Finding]) -> None:
        refusals = tuple(finding for finding in findings if finding.refuses)
        if not refusals:
            raise ValueError("no finding refuses the exam")
        first = refusals[0]
        super().__init__(first.field, first.must, first.got)
        self.findings = tuple(findings)
        lines = [str(finding) for finding in refusals[:MAX_LINES]]
        if left_out := len(refusals) - len(lines):
            lines.append(f"and {left_out} more")
        self.args = ("\n".join(lines),)
