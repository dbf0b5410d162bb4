"""The golden head."""

from __future__ import annotations

import hashlib

import numpy as np

from imaging.brain.golden import PLANES, golden_head, golden_part
from imaging.pipeline.golden import SIDE, SLICES


def test_it_is_the_same_everywhere() -> None:
    head = golden_head()

    assert (head.shape, head.dtype) == ((SIDE, SIDE, SIDE), np.uint8)
    assert hashlib.sha256(head.tobytes()).hexdigest() == (
        "c5b92da015019f0dc8b051824db04febae712c8547fed5c0452df147faceb95b"
    )


def test_it_has_air_skull_and_two_tissues() -> None:
    assert set(np.unique(golden_head())) == {0, 20, 60, 70, 120, 170, 240}


def test_two_planes_of_an_answer_are_recorded() -> None:
    answer = np.zeros((SIDE, SIDE, SIDE), np.uint8)
    for index, plane in enumerate(PLANES):
        answer[..., plane] = 51 * (index + 1)

    part = golden_part(answer)

    assert (part.shape, part.dtype) == ((SLICES, SIDE, SIDE), np.float32)
    np.testing.assert_allclose(part[:, 0, 0], [0.2, 0.4], atol=1e-6)
