"""What a network is asked, and what is made of its answers."""

from __future__ import annotations

import numpy as np
import pytest

from imaging.modality import Channel
from imaging.pipeline.plan import ModelPlan
from imaging.pipeline.predictor import ask
from imaging.regions import Region


class Left:
    """Sure of what is bright, and half sure of all of low I; remembers its calls."""

    def __init__(self):
        self.calls = []

    def predict(self, region, slices):
        self.calls.append((region, slices.shape, slices.dtype))
        answer = (slices[:, 0] > 1).astype(np.float32)
        answer[:, : answer.shape[1] // 2] = np.maximum(answer[:, : answer.shape[1] // 2], 0.5)
        return answer


@pytest.fixture
def slices():
    slices = np.zeros((3, 2, 32, 16), np.float16)
    slices[:, 0, 4, 5] = 2.0
    return slices


def plan(*, mirror):
    return ModelPlan(region=Region.TC, channels=(Channel.T1, Channel.T2), mirror=mirror)


@pytest.mark.parametrize(("mirror", "shown"), [(False, 3), (True, 6)])
def test_one_call_a_micro_batch_as_it_is(slices, mirror, shown):
    predictor = Left()
    answer = ask(predictor, plan(mirror=mirror), slices)
    assert predictor.calls == [(Region.TC, (shown, 2, 32, 16), np.float16)]
    assert answer.shape == (3, 32, 16)
    assert answer.dtype == np.float32


def test_a_slice_is_averaged_with_its_own_mirror_image(slices):
    slices[1] = 0
    answer = ask(Left(), plan(mirror=True), slices)
    expected = np.full((3, 32, 16), 0.25, np.float32)
    expected[[0, 2], 4, 5] = 1.0
    np.testing.assert_array_equal(answer, expected)
