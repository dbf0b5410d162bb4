from __future__ import annotations

import numpy as np
import pytest

from imaging.modality import Modality
from imaging.phantom import Enhancement, Phantom, PhantomError
from imaging.phantom.head import Streams, grow_head
from imaging.regions import Region
from imaging.synthesis.side import Side


def test_streams_of_a_seed_are_its_own_and_differ() -> None:
    def draws(seed: int) -> list[float]:
        streams = Streams.of_seed(seed)
        assert list(streams.scans) == list(Modality)
        parts = (streams.plan, streams.brain, streams.growth, streams.vessels, *streams.scans.values())
        return [part.random() for part in parts]

    assert draws(3) == draws(3)
    assert len({*draws(3), *draws(4)}) == 16


def test_negative_seeds_are_refused() -> None:
    with pytest.raises(PhantomError, match="seed: must be at least 0, got -1"):
        Streams.of_seed(-1)


def test_a_small_tumour_grows_on_the_side_wanted(ring: Phantom) -> None:
    """Seed 3 draws a large one on the left, in the phantom of the same brain."""
    assert ring.plan.side is Side.LEFT
    head = grow_head(
        Streams.of_seed(3), enhancement=Enhancement.RING, volume_ml=6.0, side=Side.RIGHT, volume_range_ml=(5.0, 180.0)
    )
    x, y, z = ring.plan.centre_mm
    assert head.plan.centre_mm == (-x, y, z)
    whole = head.lesion.masks[Region.WT]
    assert whole.sum() / 1000 == pytest.approx(6.0, rel=0.03)
    assert (head.anatomy.position_mm[0][whole] > 0).mean() > 0.95
    np.testing.assert_array_less(-1e-6, head.vessels)
