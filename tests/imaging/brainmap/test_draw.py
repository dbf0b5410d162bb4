from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.brainmap.draw import MARGIN, WHITE, draw_exam, painting_box
from imaging.brainmap.maps import BrainMapError
from imaging.errors import GeometryError
from imaging.modality import Modality
from tests.imaging.brainmap.balls import SHAPE, ball_map


class BandPainter:
    """Paints each band in its own grey, the background too, and remembers what it was asked for."""

    def __init__(self, *, multiple: int, gain: float = 0.25) -> None:
        self.multiple = multiple
        self.gain = gain
        self.asked: list[tuple[int, ...]] = []

    def paint(
        self, bands: Mapping[Modality, npt.NDArray[np.uint8]], lesion: npt.NDArray[np.uint8]
    ) -> Mapping[Modality, npt.NDArray[np.float32]]:
        self.asked.append(lesion.shape)
        return {
            modality: (self.gain * array - 0.1 * (array == 0)).astype(np.float32) for modality, array in bands.items()
        }


class Speckled(BandPainter):
    """Differs between contrasts in one voxel, as an exam's contrasts must."""

    def __init__(self, gain: float) -> None:
        super().__init__(multiple=4, gain=gain)

    def paint(self, bands, lesion):
        painted = dict(super().paint(bands, lesion))
        for index, array in enumerate(painted.values()):
            array[0, array.shape[1] // 2, array.shape[2] // 2] = 0.2 * (index + 1)
        return painted


@pytest.mark.parametrize("multiple", [1, 4, 16])
def test_every_voxel_is_painted_where_it_lies(multiple):
    brain_map = ball_map()
    painter = BandPainter(multiple=multiple)
    exam = draw_exam(brain_map, painter, micro_batch=5)
    assert exam.grid is brain_map.grid
    for modality, volume in exam.volumes.items():
        assert volume.voxels.dtype == np.int16
        np.testing.assert_array_equal(volume.voxels, brain_map.bands[modality].astype(int) * WHITE // 4)
    assert max(shape[0] for shape in painter.asked) == 5
    assert sum(shape[0] for shape in painter.asked) == np.count_nonzero(brain_map.brain.any(axis=(0, 1)))
    assert all(extent % multiple == 0 for shape in painter.asked for extent in shape[1:])


def test_the_drawn_brain_is_the_maps_brain_however_dark_or_bright_the_painter():
    brain_map = ball_map()
    for gain, expected in ((1e-6, 1), (5.0, WHITE)):
        exam = draw_exam(brain_map, Speckled(gain))
        for volume in exam.volumes.values():
            np.testing.assert_array_equal(volume.voxels != 0, brain_map.brain)
            assert np.median(volume.voxels[brain_map.brain]) == expected


@given(st.data(), st.sampled_from([1, 8, 16]))
def test_the_painting_box_holds_the_brain_in_its_middle(data, multiple):
    brain = np.zeros(SHAPE, dtype=bool)
    for _ in range(data.draw(st.integers(1, 4))):
        brain[tuple(data.draw(st.integers(0, extent - 1)) for extent in SHAPE)] = True
    box = painting_box(brain, multiple=multiple)
    np.testing.assert_array_equal(box.paste(box.cut(brain), SHAPE), brain)
    for axis in range(2):
        occupied = np.flatnonzero(brain.any(axis=tuple(other for other in range(3) if other != axis)))
        before, after = occupied[0] - box.start[axis], box.stop[axis] - occupied[-1] - 1
        assert box.shape[axis] % multiple == 0
        assert after >= MARGIN
        assert before >= MARGIN or box.start[axis] == 0
        assert abs(before - after) <= 1 or box.start[axis] == 0


def test_an_empty_brain_has_no_box():
    with pytest.raises(GeometryError, match="at least one voxel"):
        painting_box(np.zeros((4, 4, 4), dtype=bool), multiple=4)


def test_a_painter_that_leaves_a_contrast_out_is_told():
    class Forgetful:
        multiple = 1

        def paint(self, bands, lesion):  # noqa: ARG002
            return {Modality.T1: np.zeros(lesion.shape, dtype=np.float32)}

    with pytest.raises(BrainMapError, match="painter: must draw every contrast, got none of t1ce, t2, flair"):
        draw_exam(ball_map(), Forgetful())


def test_the_drawing_is_followed_batch_by_batch():
    told = []
    painter = Speckled(0.25)
    draw_exam(ball_map(), painter, micro_batch=5, on_batch=lambda done, total: told.append((done, total)))
    slices = sum(shape[0] for shape in painter.asked)
    assert told == [(done, slices) for done in (*range(0, slices, 5), slices)]


def test_the_drawing_ends_where_its_follower_says_so():
    painter = Speckled(0.25)

    def stop(done: int, _total: int) -> None:
        if done:
            raise KeyError(done)

    with pytest.raises(KeyError, match="5"):
        draw_exam(ball_map(), painter, micro_batch=5, on_batch=stop)
    assert len(painter.asked) == 1
