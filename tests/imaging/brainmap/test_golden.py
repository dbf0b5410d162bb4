"""The golden maps, and the record of what a generator drew of them."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from imaging.brainmap.encode import MapChannels
from imaging.brainmap.golden import golden_maps
from imaging.errors import GoldenError
from imaging.modality import Modality
from imaging.pipeline.golden import GoldenAnswer

ALL = MapChannels(tuple(Modality), bands_in_lesion=True)


def test_maps_are_the_same_bytes_everywhere() -> None:
    digest = hashlib.sha256(golden_maps(ALL).tobytes()).hexdigest()

    assert digest == "a42837ea7ccfa13f7dc45414c7d2228eaa877c550674d7efbebdd23b4631c76b"


@pytest.mark.parametrize("modality", Modality)
def test_maps_show_every_band_and_every_part(modality: Modality) -> None:
    maps = golden_maps(MapChannels((modality,), bands_in_lesion=False))

    assert (maps.shape, maps.dtype) == ((2, 7, 64, 64), np.uint8)
    assert set(np.unique(maps)) == {0.0, 1.0}
    assert maps.any(axis=(2, 3)).all()
    assert maps.sum(axis=1).max() == 1.0  # either a band or a part
    assert np.abs(maps[0] - maps[1]).any()
    assert not maps[:, :, 0].any()  # air


def test_an_answer_may_have_channels() -> None:
    images = np.random.default_rng(0).random((2, 4, 64, 64), dtype=np.float32)
    answer = GoldenAnswer.from_json(GoldenAnswer.record(images).to_json())

    assert answer.check(images) < 1e-5
    with pytest.raises(GoldenError, match="must equal the recorded"):
        answer.check(images[:, ::-1])
    with pytest.raises(GoldenError, match="must have the recorded 512 probes, got 256"):
        answer.check(images[:, :2])
    with pytest.raises(GoldenError, match="must be of shape"):
        answer.check(images[:, :0])
