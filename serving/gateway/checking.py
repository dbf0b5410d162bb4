"""A case check, from bytes to report: what is asked, and a plain function that runs in one worker thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from imaging.casecheck.check import CaseReport
from imaging.casecheck.files import read_case
from imaging.modality import Modality
from serving.gateway.cancellation import Cancellation
from serving.gateway.errors import MissingFileError
from serving.gateway.exams import ExamSettings
from serving.gateway.orders import FileSpec, distinct_roles


@dataclass(frozen=True)
class CheckOrder:
    """One exam to check.

    Args:
        files: One to four contrasts, in the order in which they are sent.

    Raises:
        OrderError: There is none, or one is there twice.
    """

    files: tuple[FileSpec, ...]

    def __post_init__(self) -> None:
        if not self.files:
            raise MissingFileError("exam", "at least one contrast must be sent", "no file")
        distinct_roles(self.files)


def check_files(
    order: CheckOrder, files: Sequence[memoryview], *, settings: ExamSettings, cancellation: Cancellation
) -> CaseReport:
    """Read the files, and tell all that speaks against them.

    Args:
        order: What is asked.
        files: Their contents, in the order's order.
        settings: Limits, and what exams are worked on with.
        cancellation: Checked between files.

    Raises:
        PipelineCancelledError: The call is over.
    """
    named = zip((Modality(spec.role.value) for spec in order.files), files, strict=True)
    found = read_case(named, limits=settings.limits, check_cancelled=cancellation.check)
    cancellation.check()
    workshop = settings.workshop
    return found.check(needs=workshop.needs, extracts_brain=workshop.extract is not None)
