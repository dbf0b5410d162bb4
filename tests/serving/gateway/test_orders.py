from __future__ import annotations

import pytest

from imaging.labels import LabelScheme
from imaging.metrics.overlap import SpecificityDomain
from imaging.metrics.regions import MetricConventions
from imaging.modality import Modality
from serving.gateway.errors import DuplicateFileError, MissingFileError, OrderError
from serving.gateway.orders import EvaluateOrder, FileRole, FileSpec, MaskRole, SegmentOrder

EXAM = tuple(Modality)
MASKS = tuple(MaskRole)


def specs(*roles: FileRole) -> tuple[FileSpec, ...]:
    return tuple(FileSpec(role, 10) for role in roles)


def segment_order(*roles: FileRole, reference_scheme: LabelScheme | None = None) -> SegmentOrder:
    return SegmentOrder(specs(*roles), LabelScheme.BRATS_2018, reference_scheme, MetricConventions())


def evaluate_order(*roles: FileRole, domain: SpecificityDomain = SpecificityDomain.IMAGE) -> EvaluateOrder:
    conventions = MetricConventions(specificity_domain=domain)
    return EvaluateOrder(specs(*roles), LabelScheme.BRATS_2018, LabelScheme.BRATS_2023, conventions)


def test_an_exam_with_and_without_a_reference() -> None:
    assert not segment_order(*EXAM).has_reference
    assert segment_order(*EXAM, MaskRole.REFERENCE, reference_scheme=LabelScheme.MSD).has_reference


def test_a_missing_modality_is_named_with_all_others_that_are_missing() -> None:
    with pytest.raises(MissingFileError) as caught:
        segment_order(Modality.T1, Modality.FLAIR).require(EXAM)
    assert caught.value.field == "t1ce"
    assert "missing: t1ce, t2" in caught.value.rule
    assert caught.value.got == "t1, flair"


def test_roles_are_announced_once() -> None:
    with pytest.raises(DuplicateFileError, match="flair"):
        segment_order(*EXAM, Modality.FLAIR)


def test_a_reference_needs_its_scheme() -> None:
    with pytest.raises(OrderError, match="reference_label_scheme: must be declared"):
        segment_order(*EXAM, MaskRole.REFERENCE)


def test_a_prediction_can_not_be_segmented() -> None:
    with pytest.raises(OrderError, match="prediction"):
        segment_order(*EXAM, MaskRole.PREDICTION)


def test_files_without_bytes_are_refused() -> None:
    with pytest.raises(OrderError, match="at least 1 byte"):
        FileSpec(Modality.T1, 0)


@pytest.mark.parametrize("missing", MASKS)
def test_an_evaluation_needs_both_masks(missing: MaskRole) -> None:
    with pytest.raises(MissingFileError) as caught:
        evaluate_order(*(role for role in MASKS if role is not missing))
    assert caught.value.field == missing.value


def test_specificity_over_the_brain_needs_a_modality() -> None:
    assert evaluate_order(*MASKS, Modality.T1, domain=SpecificityDomain.BRAIN)
    with pytest.raises(MissingFileError, match="modality"):
        evaluate_order(*MASKS, domain=SpecificityDomain.BRAIN)
