"""The numbers of the contract's enums, and what they stand for here."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TypeVar

from glioserve.v1 import synthesis_pb2, types_pb2

from imaging.errors import LabelError
from imaging.labels import LabelScheme
from imaging.metrics.hd95 import Hd95Definition
from imaging.metrics.overlap import SpecificityDomain
from imaging.metrics.policy import EmptyMaskPolicy, MetricStatus
from imaging.modality import Modality
from imaging.phantom.lesion import Enhancement
from imaging.regions import Region
from imaging.synthesis.side import Side
from serving.gateway.errors import OrderError
from serving.gateway.orders import MaskRole

Domain = TypeVar("Domain", bound=Enum)

MODALITIES: Mapping[Modality, types_pb2.Modality.ValueType] = {
    Modality.T1: types_pb2.MODALITY_T1,
    Modality.T1CE: types_pb2.MODALITY_T1CE,
    Modality.T2: types_pb2.MODALITY_T2,
    Modality.FLAIR: types_pb2.MODALITY_FLAIR,
}
MASK_ROLES: Mapping[MaskRole, types_pb2.MaskRole.ValueType] = {
    MaskRole.REFERENCE: types_pb2.MASK_ROLE_REFERENCE,
    MaskRole.PREDICTION: types_pb2.MASK_ROLE_PREDICTION,
}
REGIONS: Mapping[Region, types_pb2.Region.ValueType] = {
    Region.WT: types_pb2.REGION_WT,
    Region.TC: types_pb2.REGION_TC,
    Region.ET: types_pb2.REGION_ET,
}
SCHEMES: Mapping[LabelScheme, types_pb2.LabelScheme.ValueType] = {
    LabelScheme.BRATS_2018: types_pb2.LABEL_SCHEME_BRATS_2018,
    LabelScheme.BRATS_2023: types_pb2.LABEL_SCHEME_BRATS_2023,
    LabelScheme.BRATS_2024_POST_TREATMENT: types_pb2.LABEL_SCHEME_BRATS_2024_POST_TREATMENT,
    LabelScheme.BRATS_PEDIATRIC: types_pb2.LABEL_SCHEME_BRATS_PEDIATRIC,
    LabelScheme.MSD: types_pb2.LABEL_SCHEME_MSD,
}
HD95: Mapping[Hd95Definition, types_pb2.Hd95Definition.ValueType] = {
    Hd95Definition.POOLED: types_pb2.HD95_DEFINITION_POOLED,
    Hd95Definition.DIRECTED_MAX: types_pb2.HD95_DEFINITION_DIRECTED_MAX,
    Hd95Definition.SURFEL_WEIGHTED: types_pb2.HD95_DEFINITION_SURFEL_WEIGHTED,
}
POLICIES: Mapping[EmptyMaskPolicy, types_pb2.EmptyMaskPolicy.ValueType] = {
    EmptyMaskPolicy.LEGACY: types_pb2.EMPTY_MASK_POLICY_LEGACY,
    EmptyMaskPolicy.BRATS_2026: types_pb2.EMPTY_MASK_POLICY_BRATS_2026,
    EmptyMaskPolicy.STRICT: types_pb2.EMPTY_MASK_POLICY_STRICT,
}
DOMAINS: Mapping[SpecificityDomain, types_pb2.SpecificityDomain.ValueType] = {
    SpecificityDomain.IMAGE: types_pb2.SPECIFICITY_DOMAIN_IMAGE,
    SpecificityDomain.BRAIN: types_pb2.SPECIFICITY_DOMAIN_BRAIN,
}
STATUSES: Mapping[MetricStatus, types_pb2.MetricStatus.ValueType] = {
    MetricStatus.COMPUTED: types_pb2.METRIC_STATUS_COMPUTED,
    MetricStatus.BOTH_EMPTY: types_pb2.METRIC_STATUS_BOTH_EMPTY,
    MetricStatus.PREDICTION_EMPTY: types_pb2.METRIC_STATUS_PREDICTION_EMPTY,
    MetricStatus.REFERENCE_EMPTY: types_pb2.METRIC_STATUS_REFERENCE_EMPTY,
}
ENHANCEMENTS: Mapping[Enhancement, synthesis_pb2.Enhancement.ValueType] = {
    Enhancement.RING: synthesis_pb2.ENHANCEMENT_RING,
    Enhancement.NODULAR: synthesis_pb2.ENHANCEMENT_NODULAR,
    Enhancement.NONE: synthesis_pb2.ENHANCEMENT_NONE,
}
SIDES: Mapping[Side, synthesis_pb2.Side.ValueType] = {
    Side.LEFT: synthesis_pb2.SIDE_LEFT,
    Side.RIGHT: synthesis_pb2.SIDE_RIGHT,
}


def known(field: str, number: int, numbers: Mapping[Domain, int]) -> Domain | None:
    """The domain value of a number of the contract; None for UNSPECIFIED.

    Raises:
        OrderError: The number is unknown.
    """
    if number == 0:
        return None
    for value, its_number in numbers.items():
        if its_number == number:
            return value
    raise OrderError(field, f"must be one of {', '.join(value.name for value in numbers)}", f"the number {number}")


def scheme(field: str, number: int) -> LabelScheme | None:
    """The label scheme of a number; None for UNSPECIFIED.

    Raises:
        LabelError: The number is unknown.
    """
    if number and number not in SCHEMES.values():
        names = ", ".join(each.value for each in LabelScheme)
        raise LabelError(field, f"must be one of {names}", f"the number {number}")
    return known(field, number, SCHEMES)


def required_scheme(field: str, number: int) -> LabelScheme:
    """The label scheme of a number.

    Raises:
        LabelError: The number is unknown.
        OrderError: It is UNSPECIFIED.
    """
    declared = scheme(field, number)
    if declared is None:
        raise OrderError(field, "must be declared", "none")
    return declared
