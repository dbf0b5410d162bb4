"""One piece, without holes."""

from __future__ import annotations

import numpy as np

from imaging.brain.components import fill_holes, keep_largest


def cube(*, outside: int, shape: int = 12) -> np.ndarray:
    mask = np.zeros((shape,) * 3, bool)
    mask[outside:-outside, outside:-outside, outside:-outside] = True
    return mask


def test_the_largest_piece_is_kept() -> None:
    mask = cube(outside=4)
    speck = mask.copy()
    speck[0, 0, 0] = True

    np.testing.assert_array_equal(keep_largest(speck), mask)
    np.testing.assert_array_equal(keep_largest(mask), mask)


def test_pieces_that_touch_at_a_corner_are_one() -> None:
    mask = cube(outside=4)
    mask[3, 3, 3] = True

    np.testing.assert_array_equal(keep_largest(mask), mask)


def test_nothing_stays_nothing() -> None:
    nothing = np.zeros((3, 4, 5), bool)

    assert not keep_largest(nothing).any()
    assert not fill_holes(nothing).any()


def test_what_is_enclosed_is_filled() -> None:
    mask = cube(outside=2)
    hollow = mask.copy()
    hollow[5:7, 5:7, 5:7] = False

    np.testing.assert_array_equal(fill_holes(hollow), mask)


def test_what_reaches_the_border_is_not() -> None:
    mask = cube(outside=2)
    mask[5, 5, :] = False  # a tunnel
    np.testing.assert_array_equal(fill_holes(mask), mask)

    full = np.ones((4, 4, 4), bool)
    full[0, 2, 2] = False  # a dent in the array's own border
    np.testing.assert_array_equal(fill_holes(full), full)


def test_a_tunnel_by_corners_alone_is_closed() -> None:
    mask = np.ones((5, 5, 5), bool)
    mask[2, 2, 2] = mask[1, 1, 1] = False

    assert fill_holes(mask).all()
