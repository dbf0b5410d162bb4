"""Angles and distances of rigid motions."""

from __future__ import annotations

import numpy as np
import pytest
from glioserve.render.motion import rotation_deg, shift_mm
from hypothesis import given
from hypothesis import strategies as st

from tests.client.native import turned


@given(st.floats(-180, 180), st.integers(0, 2))
def test_the_angle_of_a_turn(degrees: float, axis: int) -> None:
    assert rotation_deg(turned(degrees, axis)) == pytest.approx(abs(degrees), abs=1e-9)


def test_small_angles_are_not_lost() -> None:
    assert rotation_deg(turned(1e-6, 1)) == pytest.approx(1e-6, rel=1e-6)


def test_turns_about_several_axes() -> None:
    both = turned(90, 0) @ turned(90, 2)
    assert rotation_deg(both) == pytest.approx(120)


def test_the_distance_depends_on_the_place() -> None:
    motion = turned(90, 2, (1.0, 2.0, 2.0))
    assert shift_mm(motion, np.zeros(3)) == pytest.approx(3.0)
    assert shift_mm(turned(90, 2), np.array([1.0, 0, 5])) == pytest.approx(np.sqrt(2))
