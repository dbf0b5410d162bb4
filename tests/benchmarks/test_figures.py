"""Figures that claims rest on."""

import numpy as np
import pytest

from benchmarks.frames import explained, scaled
from benchmarks.load import Loaded, Timed, p95
from benchmarks.memory import rise_percent
from imaging.exam import Exam
from imaging.geometry import Grid
from imaging.modality import Modality
from imaging.volume import Volume


def test_the_first_fifth_is_left_out_of_a_rise():
    assert rise_percent([10.0, 50.0] + [100.0] * 8) == pytest.approx(0.0)
    assert rise_percent([0.0, 0.0, 100.0, 110.0, 120.0, 130.0, 140.0, 150.0, 160.0, 170.0]) == pytest.approx(70.0)
    assert rise_percent([5.0]) == 0.0


def test_a_line_explains_what_lies_on_it():
    assert explained([1, 2, 3], [3.0, 5.0, 7.0]) == pytest.approx(1.0)
    assert explained([1, 2, 3, 4], [1.0, 2.0, 2.0, 1.0]) == pytest.approx(0.0)


def test_p95_is_near_the_slowest():
    assert p95([float(number) for number in range(1, 21)]) == pytest.approx(19.05)
    assert p95([4.0]) == 4.0


@pytest.mark.parametrize(("different", "health", "failures"), [(1, 0.1, 0), (0, 1.5, 0), (0, 0.1, 1)])
def test_a_wrong_answer_slow_health_or_failed_health_is_not_whole(different, health, failures):
    answers = [Timed(b"", 1.0)]
    assert Loaded(answers, 1.0, 0, [0.1], 0).whole
    assert not Loaded(answers, 1.0, different, [health], failures).whole


def test_a_smaller_head_has_the_scale_cubed_of_voxels_whatever_its_frame():
    grid = np.indices((64, 64, 64)) - 32
    ball = ((grid**2).sum(axis=0) <= 28**2).astype(np.int16) * 100
    volumes = {
        m: Volume(ball + (ball > 0) * np.int16(level), Grid(ball.shape, np.eye(4))) for level, m in enumerate(Modality)
    }
    exam = Exam(volumes)
    small, wide = (scaled(exam, 0.5, frame) for frame in (64, 96))
    assert (small.exam.grid.shape[:2], wide.exam.grid.shape[:2]) == ((64, 64), (96, 96))
    assert small.brain == wide.brain
    assert scaled(exam, 1.0, 64).brain / small.brain == pytest.approx(8, rel=0.2)  # its extents are whole voxels
