"""The weights of the loss, adapted so that no term dominates (paper, section 2.3.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from training.errors import TrainingError

FLOOR = 1e-6
"""A pull counts for at least this: a term that has vanished must not get an endless weight."""


@dataclass(frozen=True)
class Balance:
    """The weight of each term, and the share of the whole that it is meant to have.

    Args:
        shares: Of each term, positive: how hard it is to pull at the image beside the others.
        weights: Now.

    Raises:
        TrainingError: A share is not positive, or the names differ.
    """

    shares: Mapping[str, float]
    weights: Mapping[str, float]

    def __post_init__(self) -> None:
        if not self.shares or min(self.shares.values()) <= 0:
            raise TrainingError("shares", "must be positive", f"{dict(self.shares)}")
        if self.shares.keys() != self.weights.keys():
            raise TrainingError("weights", f"must be of {', '.join(self.shares)}", ", ".join(self.weights))
        object.__setattr__(self, "shares", MappingProxyType(dict(self.shares)))
        object.__setattr__(self, "weights", MappingProxyType(dict(self.weights)))

    @classmethod
    def start(cls, shares: Mapping[str, float]) -> Balance:
        """The balance before anything was seen: weights equal to shares."""
        return cls(shares, shares)

    def adapted(self, pulls: Mapping[str, float]) -> Balance:
        """The balance that gives each term its share of the pull.

        Args:
            pulls: How hard each unweighted term pulls at the image now (the norm of its gradient). A term without
                one does not take part yet and keeps its weight; at least one term does.
        """
        raw = {name: share / max(pulls[name], FLOOR) for name, share in self.shares.items() if name in pulls}
        # Only proportions matter to the optimiser; the first term's weight stays its share.
        first = next(iter(raw))
        scale = self.shares[first] / raw[first]
        return Balance(self.shares, {**self.weights, **{name: scale * weight for name, weight in raw.items()}})
