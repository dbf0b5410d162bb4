"""What a call will send, decided and checked before it starts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from glioserve.case_folder import find_case
from glioserve.conventions import MetricConventions
from glioserve.core import wire
from glioserve.core.upload import SentFile, Upload
from glioserve.errors import LocalInputError
from glioserve.exam_files import Case, ExamFiles, PathLike, Reference
from glioserve.terms import LabelScheme, Modality, SpecificityDomain
from glioserve.v1 import evaluation_pb2, segmentation_pb2
from glioserve.v1 import types_pb2 as pb


@dataclass(frozen=True)
class SegmentPlan:
    """One segmentation.

    Args:
        case: The exam, and what is known of it.
        label_scheme: Of the label map to be sent back.
        output_grid: The contrast whose grid the masks are to be on.
        files: What is sent, in order.
        header: The first message.
    """

    case: Case
    label_scheme: LabelScheme
    output_grid: Modality
    files: tuple[SentFile, ...]
    header: segmentation_pb2.SegmentHeader

    def requests(self, upload: Upload) -> Iterator[segmentation_pb2.SegmentRequest]:
        """The messages of one attempt."""
        yield segmentation_pb2.SegmentRequest(header=self.header)
        for chunk in upload.chunks():
            yield segmentation_pb2.SegmentRequest(chunk=chunk)


@dataclass(frozen=True)
class EvaluatePlan:
    """One evaluation.

    Args:
        prediction_label_scheme: How the prediction is read.
        reference_label_scheme: How the reference is read.
        files: What is sent, in order.
        header: The first message.
    """

    prediction_label_scheme: LabelScheme
    reference_label_scheme: LabelScheme
    files: tuple[SentFile, ...]
    header: evaluation_pb2.EvaluateHeader

    def requests(self, upload: Upload) -> Iterator[evaluation_pb2.EvaluateRequest]:
        """The messages of one attempt."""
        yield evaluation_pb2.EvaluateRequest(header=self.header)
        for chunk in upload.chunks():
            yield evaluation_pb2.EvaluateRequest(chunk=chunk)


def plan_segment(
    exam: ExamFiles | Case | PathLike,
    *,
    reference: PathLike | None,
    label_scheme: LabelScheme,
    reference_label_scheme: LabelScheme | None,
    conventions: MetricConventions,
    output_grid: Modality,
    full_frame: bool = False,
) -> SegmentPlan:
    """Plans a segmentation. The arguments are those of `Client.segment`.

    Raises:
        LocalInputError: Files are missing, or the arguments contradict each other.
    """
    case = resolve_case(exam, reference=reference, reference_label_scheme=reference_label_scheme)
    files = tuple(SentFile.of_modality(modality, case.exam.path(modality)) for modality in Modality)
    header = segmentation_pb2.SegmentHeader(
        label_scheme=wire.label_scheme(label_scheme),
        output_grid=wire.modality(output_grid),
        full_frame=full_frame,
    )
    if case.reference is not None:
        files += (SentFile.of_mask("reference", case.reference.path, role=pb.MASK_ROLE_REFERENCE),)
        header.reference_label_scheme = wire.label_scheme(case.reference.label_scheme)
        header.conventions.CopyFrom(wire.conventions(conventions))
    header.files.extend(file.header for file in files)
    return SegmentPlan(case, label_scheme, output_grid, files, header)


def resolve_case(
    exam: ExamFiles | Case | PathLike, *, reference: PathLike | None, reference_label_scheme: LabelScheme | None
) -> Case:
    """The case that a caller means.

    Args:
        exam: Files, a case found earlier, or a case folder.
        reference: Expert labels, in place of those that the case has.
        reference_label_scheme: What their values mean.

    Raises:
        LocalInputError: A folder is not a case, or a reference and its scheme do not come together.
    """
    if reference is not None and reference_label_scheme is None:
        raise LocalInputError("reference_label_scheme", "must be declared for a reference", "nothing")
    if reference is not None and reference_label_scheme is not None:
        found = exam if isinstance(exam, ExamFiles | Case) else find_case(exam)
        files = found.exam if isinstance(found, Case) else found
        return Case(files, Reference(Path(reference), reference_label_scheme))
    if not isinstance(exam, ExamFiles | Case):
        return find_case(exam, reference_label_scheme=reference_label_scheme)
    if reference_label_scheme is not None:
        raise LocalInputError("reference_label_scheme", "must come with a reference", "no reference")
    return exam if isinstance(exam, Case) else Case(exam)


def plan_evaluate(
    prediction: PathLike,
    reference: PathLike,
    *,
    label_scheme: LabelScheme,
    reference_label_scheme: LabelScheme | None,
    conventions: MetricConventions,
    brain: tuple[Modality, PathLike] | None,
) -> EvaluatePlan:
    """Plans an evaluation. The arguments are those of `Client.evaluate`.

    Raises:
        LocalInputError: Files are missing, or the arguments contradict each other.
    """
    if (conventions.specificity_domain is SpecificityDomain.BRAIN) != (brain is not None):
        raise LocalInputError(
            "brain",
            "must be given when, and only when, specificity is counted over the brain",
            f"the domain {conventions.specificity_domain.value}",
        )
    files: tuple[SentFile, ...] = (
        SentFile.of_mask("prediction", prediction, role=pb.MASK_ROLE_PREDICTION),
        SentFile.of_mask("reference", reference, role=pb.MASK_ROLE_REFERENCE),
    )
    if brain is not None:
        files += (SentFile.of_modality(*brain),)
    of_reference = reference_label_scheme or label_scheme
    header = evaluation_pb2.EvaluateHeader(
        files=[file.header for file in files],
        prediction_label_scheme=wire.label_scheme(label_scheme),
        reference_label_scheme=wire.label_scheme(of_reference),
        conventions=wire.conventions(conventions),
    )
    return EvaluatePlan(label_scheme, of_reference, files, header)
