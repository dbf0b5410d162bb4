"""How metrics are computed. Stated with every number, since the definitions differ."""

from __future__ import annotations

from dataclasses import dataclass

from glioserve.terms import EmptyMaskPolicy, Hd95Definition, SpecificityDomain


@dataclass(frozen=True)
class MetricConventions:
    """The choices that make a metric comparable with another.

    Args:
        hd95_definition: What HD95 is.
        empty_mask_policy: What a metric is where a mask is empty.
        specificity_domain: Where true negatives are counted.
    """

    hd95_definition: Hd95Definition = Hd95Definition.POOLED
    empty_mask_policy: EmptyMaskPolicy = EmptyMaskPolicy.LEGACY
    specificity_domain: SpecificityDomain = SpecificityDomain.IMAGE
