"""A skull about a brain."""

from __future__ import annotations

import numpy as np
import pytest

from imaging.errors import ExamError
from imaging.geometry import Grid
from imaging.phantom.skull import with_skull
from imaging.volume import Volume

SHAPE = (40, 40, 10)
GRID = Grid(SHAPE, np.diag([1.0, 1.0, 4.0, 1.0]))
FROM_MIDDLE_MM = np.sqrt(
    sum(
        (spacing * (axis - (extent - 1) / 2)) ** 2
        for axis, extent, spacing in zip(np.indices(SHAPE), SHAPE, (1, 1, 4), strict=True)
    )
)


def brain() -> Volume:
    return Volume(np.where(FROM_MIDDLE_MM < 6, 100, 0).astype(np.int16), GRID)


def test_the_brain_stays_as_it_was() -> None:
    head = with_skull(brain())

    assert head.grid is GRID
    assert head.voxels.dtype == np.float32
    np.testing.assert_array_equal(head.voxels[FROM_MIDDLE_MM < 6], 100)


def test_fluid_skull_and_scalp_lie_about_it_in_mm() -> None:
    head = with_skull(brain()).voxels

    means = [
        float(head[(near < FROM_MIDDLE_MM) & (far > FROM_MIDDLE_MM)].mean())
        for near, far in ((6.5, 8), (10.5, 13.5), (16.5, 18), (21, 99))
    ]
    fluid, skull, scalp, air = means
    assert scalp > 120 > fluid > 1.5 * skull > 1.2 * air > 0


def test_noise_is_of_its_seed() -> None:
    first, second = with_skull(brain(), seed=1), with_skull(brain(), seed=2)

    np.testing.assert_array_equal(with_skull(brain(), seed=1).voxels, first.voxels)
    assert np.abs(first.voxels - second.voxels)[FROM_MIDDLE_MM > 6].mean() > 1
    assert min(first.voxels.min(), second.voxels.min()) >= 0


def test_nothing_gets_no_skull() -> None:
    with pytest.raises(ExamError, match="t1: must hold a brain, got only zeros"):
        with_skull(Volume(np.zeros(SHAPE, np.int16), GRID), field="t1")
