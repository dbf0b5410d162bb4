from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.modality import Modality
from imaging.pipeline.windows import whole_windows, windows


@st.composite
def masks(draw) -> np.ndarray:
    shape = draw(st.tuples(st.integers(1, 20), st.sampled_from([16, 32, 64]), st.sampled_from([16, 48])))
    mask = np.zeros(shape, dtype=bool)
    for _ in range(draw(st.integers(0, 4))):
        mask[tuple(draw(st.integers(0, extent - 1)) for extent in shape)] = True
    return mask


@settings(max_examples=60, deadline=None)
@given(masks(), st.integers(0, 40), st.integers(1, 9))
def test_every_voxel_is_shown_once_with_its_margin_in_multiples_of_16(mask, margin, micro_batch):
    seen = np.zeros(mask.shape, dtype=int)
    for window in windows(mask, margin=margin, micro_batch=micro_batch):
        assert 1 <= len(window.slices) <= micro_batch
        assert mask[window.slices].any(axis=(1, 2)).all()
        seen[window.slices, window.i, window.j] += 1
        assert window.voxels == seen[window.slices, window.i, window.j].size
        for side, axis in ((window.i, 1), (window.j, 2)):
            assert side.start % 16 == side.stop % 16 == 0
            others = tuple({0, 1, 2} - {axis})
            held = np.flatnonzero(mask[window.slices].any(axis=others))
            assert side.start <= max(held[0] - margin, 0)
            assert side.stop >= min(held[-1] + 1 + margin, mask.shape[axis])
    assert (seen[mask] == 1).all()
    assert seen.max(initial=0) <= 1


def test_narrow_slices_get_narrow_boxes():
    mask = np.zeros((16, 96, 96), dtype=bool)
    mask[:8, 40:50, 40:50] = True
    mask[8:] = True
    narrow, wide = windows(mask, margin=0, micro_batch=8)
    assert (narrow.i, narrow.j) == (slice(32, 64), slice(32, 64))
    assert (wide.i, wide.j) == (slice(0, 96), slice(0, 96))


def test_whole_windows_show_everything():
    shown = whole_windows((10, 32, 48), micro_batch=4)
    assert [len(window.slices) for window in shown] == [4, 4, 2]
    assert sum(window.voxels for window in shown) == 10 * 32 * 48


def test_what_is_cut_can_be_put_back():
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((10, 32, 48)).astype(np.float32)
    back = np.zeros(scores.shape, dtype=bool)
    for window in whole_windows((10, 32, 48), micro_batch=4):
        window.paste(window.cut({Modality.T1: scores})[Modality.T1] > 0, back)
    np.testing.assert_array_equal(back, scores > 0)


def test_slices_are_cut_with_and_without_gaps_between_them():
    scores = np.arange(6 * 16 * 16, dtype=np.float32).reshape(6, 16, 16)
    for shown in ([1, 2, 3], [1, 3, 4]):
        mask = np.zeros(scores.shape, dtype=bool)
        mask[shown] = True
        (window,) = windows(mask, margin=0, micro_batch=8)
        np.testing.assert_array_equal(window.cut({Modality.T1: scores})[Modality.T1], scores[shown])
