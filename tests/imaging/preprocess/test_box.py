import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.errors import GeometryError
from imaging.preprocess.box import Box

EXTENT = st.integers(1, 40)


@st.composite
def masks(draw):
    shape = (draw(EXTENT), draw(EXTENT), draw(EXTENT))
    mask = np.zeros(shape, dtype=bool)
    for _ in range(draw(st.integers(1, 4))):
        mask[tuple(draw(st.integers(0, extent - 1)) for extent in shape)] = True
    return mask


@given(masks(), st.integers(0, 20), st.sampled_from([1, 4, 16]))
def test_around_holds_the_mask_and_its_margin_in_multiples(mask, margin, multiple):
    box = Box.around(mask, margin=margin, multiple=multiple)
    for axis in range(3):
        occupied = np.flatnonzero(mask.any(axis=tuple(other for other in range(3) if other != axis)))
        if axis == 2:
            assert (box.start[axis], box.stop[axis]) == (occupied[0], occupied[-1] + 1)
            continue
        assert box.start[axis] <= max(occupied[0] - margin, 0)
        assert box.stop[axis] >= min(occupied[-1] + 1 + margin, mask.shape[axis])
        assert box.start[axis] % multiple == 0
        assert box.shape[axis] % multiple == 0


@given(masks(), st.integers(0, 20))
def test_paste_undoes_cut_where_the_box_is(mask, margin):
    box = Box.around(mask, margin=margin, multiple=16)
    assert box.cut(mask).shape == box.shape
    np.testing.assert_array_equal(box.paste(box.cut(mask), mask.shape), mask)


def test_what_lies_past_the_end_reads_as_zero():
    part = Box((1, 0, 0), (3, 2, 1)).cut(np.ones((2, 2, 1), dtype=np.int16))
    assert part[:, :, 0].tolist() == [[1, 1], [0, 0]]


def test_faults_are_refused():
    with pytest.raises(GeometryError, match="at least one voxel"):
        Box.around(np.zeros((2, 2, 2), dtype=bool), margin=0, multiple=1)
    with pytest.raises(GeometryError, match="hold a voxel"):
        Box((0, 0, 3), (1, 1, 3))
    with pytest.raises(GeometryError, match="start at 0"):
        Box((-1, 0, 0), (1, 1, 1))
    with pytest.raises(GeometryError, match="box's shape"):
        Box((0, 0, 0), (1, 1, 1)).paste(np.zeros((2, 1, 1)), (4, 4, 4))


@given(masks(), st.integers(0, 20))
def test_the_box_of_slices_is_the_same_box(mask, margin):
    box = Box.around(mask, margin=margin, multiple=16)
    slices = np.moveaxis(mask, 2, 0)
    np.testing.assert_array_equal(box.of_slices.cut(slices), np.moveaxis(box.cut(mask), 2, 0))
