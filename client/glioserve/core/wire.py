"""Our enums and the contract's, one to one by name."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from glioserve import terms
from glioserve.conventions import MetricConventions
from glioserve.errors import ProtocolError
from glioserve.synthesis import MapEdit, RightAnteriorSuperior
from glioserve.v1 import synthesis_pb2
from glioserve.v1 import types_pb2 as pb

E = TypeVar("E", bound=StrEnum)


def modality(value: terms.Modality) -> pb.Modality.ValueType:
    """A modality, as sent."""
    return pb.Modality.Value(f"MODALITY_{value.name}")


def label_scheme(value: terms.LabelScheme) -> pb.LabelScheme.ValueType:
    """A label scheme, as sent."""
    return pb.LabelScheme.Value(f"LABEL_SCHEME_{value.name}")


def enhancement(value: terms.Enhancement | None) -> synthesis_pb2.Enhancement.ValueType:
    """An enhancement, as sent; UNSPECIFIED for None."""
    return synthesis_pb2.Enhancement.Value(f"ENHANCEMENT_{value.name if value else 'UNSPECIFIED'}")


def side(value: terms.Side | None) -> synthesis_pb2.Side.ValueType:
    """A side, as sent; UNSPECIFIED for None."""
    return synthesis_pb2.Side.Value(f"SIDE_{value.name if value else 'UNSPECIFIED'}")


def map_edit(value: MapEdit) -> synthesis_pb2.MapEdit:
    """An edit, as sent."""
    return synthesis_pb2.MapEdit(
        shift_mm=_along_axes(value.shift_mm),
        scale=value.scale,
        rotation_deg=_along_axes(value.rotation_deg),
        elastic_mm=value.elastic_mm,
        elastic_scale_mm=value.elastic_scale_mm,
        mirror=value.mirror,
    )


def conventions(value: MetricConventions) -> pb.MetricConventions:
    """Conventions, as sent."""
    return pb.MetricConventions(
        hd95_definition=pb.Hd95Definition.Value(f"HD95_DEFINITION_{value.hd95_definition.name}"),
        empty_mask_policy=pb.EmptyMaskPolicy.Value(f"EMPTY_MASK_POLICY_{value.empty_mask_policy.name}"),
        specificity_domain=pb.SpecificityDomain.Value(f"SPECIFICITY_DOMAIN_{value.specificity_domain.name}"),
    )


def read_conventions(message: pb.MetricConventions) -> MetricConventions:
    """Conventions, as received.

    Raises:
        ProtocolError: One of them is not stated, or unknown to this client.
    """
    return MetricConventions(
        hd95_definition=read_enum(terms.Hd95Definition, message.hd95_definition),
        empty_mask_policy=read_enum(terms.EmptyMaskPolicy, message.empty_mask_policy),
        specificity_domain=read_enum(terms.SpecificityDomain, message.specificity_domain),
    )


def read_enum(kind: type[E], value: int) -> E:
    """A value of a closed set, as received.

    Args:
        kind: Our enum; the contract has one of the same name.
        value: A number of the contract's.

    Raises:
        ProtocolError: The number is `UNSPECIFIED`, or unknown to this client.
    """
    names = pb.DESCRIPTOR.enum_types_by_name[kind.__name__].values_by_number
    if value not in names:
        raise ProtocolError(f"the server's {kind.__name__} {value} is unknown to this client")
    if value == 0:
        raise ProtocolError(f"the server states no {kind.__name__}")
    prefix = names[0].name.removesuffix("UNSPECIFIED")
    return kind[names[value].name.removeprefix(prefix)]


def _along_axes(value: RightAnteriorSuperior) -> synthesis_pb2.AlongAxes:
    right, anterior, superior = value
    return synthesis_pb2.AlongAxes(right=right, anterior=anterior, superior=superior)
