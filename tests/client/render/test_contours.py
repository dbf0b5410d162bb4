"""Outlines are drawn where they are, whatever part of the picture that is."""

from __future__ import annotations

import numpy as np
import pytest
from glioserve.render import contours
from glioserve.render.contours import Side, outline

SIZE = (101, 83)


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("corner", [(0, 0), (3, 4), (17, 25), (26, 0)])
def test_only_the_part_that_a_line_reaches_is_worked_on(
    monkeypatch: pytest.MonkeyPatch, side: Side, corner: tuple[int, int]
) -> None:
    mask = np.zeros((30, 37), dtype=bool)
    mask[corner[0] : corner[0] + 4, corner[1] : corner[1] + 9] = True
    part = [np.asarray(image) for image in outline(mask, SIZE, side=side)]
    monkeypatch.setattr(contours, "_reached", lambda _, __, pixels: (0, pixels))
    whole = [np.asarray(image) for image in outline(mask, SIZE, side=side)]
    for found, expected in zip(part, whole, strict=True):
        assert found.shape == expected.shape == SIZE[::-1]
        assert expected.any()
        assert np.array_equal(found, expected)
