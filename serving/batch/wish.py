"""What a spec wants of one case: drawn from numbers alone, before any map is looked at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imaging.phantom.lesion import Enhancement
from imaging.synthesis.side import Side
from serving.batch.spec import CohortSpec

VOLUME_DECIMALS = 3
"""Volumes wanted are whole microlitres, so that the last bits of a machine's logarithm do not show."""
_WISH = 0
"""The number of the wish among a case's draws; attempts to meet it have the numbers from 1 on."""


@dataclass(frozen=True)
class Wish:
    """What is wanted of one case.

    Args:
        source: Which of the spec's sources, an index.
        enhancement: How the tumour takes up contrast agent.
        volume_ml: Volume of the whole tumour.
        side: The hemisphere that holds more of it; None for either.
    """

    source: int
    enhancement: Enhancement
    volume_ml: float
    side: Side | None


def draw_wish(spec: CohortSpec, index: int) -> Wish:
    """Draw what a spec wants of a case: a function of the two alone.

    It does not depend on whether it can be met at once: if it can't, other maps and edits are tried for the same wish.
    So the shares of sources and kinds, and the spread of volumes, are those of the spec, however hard some are to meet.

    The volume is drawn evenly over its logarithm: from 10 to 20 ml lie as many tumours as from 60 to 120 ml. Drawn
    evenly over millilitres, few would be small, and small tumours are those that segmentation misses.

    Args:
        spec: The cohort.
        index: The case's number, 0 or more; it may lie beyond `spec.cases`.
    """
    rng = generator_of(spec, index, _WISH)
    weights = np.array([source.weight for source in spec.sources])
    source = int(rng.choice(len(weights), p=weights / weights.sum()))
    kinds = list(spec.lesion.enhancement.shares)
    shares = np.array(list(spec.lesion.enhancement.shares.values()))
    enhancement = kinds[int(rng.choice(len(kinds), p=shares / shares.sum()))]
    low, high = spec.lesion.volume_ml
    drawn = round(float(np.exp(rng.uniform(np.log(low), np.log(high)))), VOLUME_DECIMALS)
    return Wish(source, enhancement, float(np.clip(drawn, low, high)), spec.lesion.side.side)


def generator_of(spec: CohortSpec, index: int, draw: int) -> np.random.Generator:
    """The source of everything that one draw for one case needs, apart from that of all others."""
    return np.random.default_rng(np.random.SeedSequence([spec.seed, index, draw]))
