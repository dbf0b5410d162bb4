"""A case check: what is sent, and what its answer means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from glioserve.case_folder import find_contrasts
from glioserve.core import wire
from glioserve.core.decode import finding
from glioserve.core.upload import SentFile, Upload
from glioserve.errors import LocalInputError
from glioserve.exam_files import Case, ExamFiles, PathLike
from glioserve.findings import CheckResult
from glioserve.terms import Modality, Region
from glioserve.v1 import check_pb2


@dataclass(frozen=True)
class CheckPlan:
    """One case check.

    Args:
        files: What is sent, in order.
    """

    files: tuple[SentFile, ...]

    def requests(self, upload: Upload) -> Iterator[check_pb2.CheckRequest]:
        """The messages of one attempt."""
        yield check_pb2.CheckRequest(header=check_pb2.CheckHeader(files=[file.header for file in self.files]))
        for chunk in upload.chunks():
            yield check_pb2.CheckRequest(chunk=chunk)


def plan_check(exam: ExamFiles | Case | Mapping[Modality, PathLike] | PathLike) -> CheckPlan:
    """Plans a case check. The argument is that of `Client.check`.

    Raises:
        LocalInputError: There is no file, or one of them is not there.
    """
    paths = _contrasts(exam)
    if not paths:
        raise LocalInputError("exam", "must hold at least one contrast", "none")
    return CheckPlan(
        tuple(SentFile.of_modality(modality, paths[modality]) for modality in Modality if modality in paths)
    )


def check_result(message: check_pb2.CheckResponse) -> CheckResult:
    """What a server found.

    Raises:
        ProtocolError: A finding's rule or severity, or a region, is not stated or unknown to this client.
    """
    return CheckResult(
        findings=tuple(finding(each) for each in message.findings),
        possible=tuple(wire.read_enum(Region, each) for each in message.possible),
        aligned=message.aligned,
        skull_stripped=message.skull_stripped,
        server_version=message.server_version,
    )


def _contrasts(exam: ExamFiles | Case | Mapping[Modality, PathLike] | PathLike) -> Mapping[Modality, PathLike]:
    if isinstance(exam, Case):
        exam = exam.exam
    if isinstance(exam, ExamFiles):
        return {modality: exam.path(modality) for modality in Modality}
    return exam if isinstance(exam, Mapping) else find_contrasts(exam)
