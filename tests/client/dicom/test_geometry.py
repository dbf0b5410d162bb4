"""Slices into stacks: order and affine of any regular stack, and a typed refusal of every other."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from glioserve import LocalInputError
from glioserve.dicom.container import Folder
from glioserve.dicom.geometry import LPS_TO_RAS, stack_of
from glioserve.dicom.series import Acquisition, Series, Slice
from hypothesis import given
from hypothesis import strategies as st

NOTHING = Acquisition("", "", frozenset(), frozenset(), frozenset(), None, (), None, None, False, False, 1)
ROWS, COLUMNS = 20, 30


def series(slices: list[Slice], *, multiframe: bool = False, frame_of_reference: str = "1.2.3") -> Series:
    return Series("1.2", 1, frame_of_reference, multiframe, NOTHING, tuple(slices), Folder(Path()))


def rotation(a: float, b: float, c: float) -> np.ndarray:
    turned = np.eye(3)
    for angle, (i, j) in ((a, (0, 1)), (b, (1, 2)), (c, (0, 2))):
        turn = np.eye(3)
        turn[i, i] = turn[j, j] = math.cos(angle)
        turn[i, j], turn[j, i] = -math.sin(angle), math.sin(angle)
        turned = turned @ turn
    return turned


def regular(
    count: int = 12,
    turn: np.ndarray | None = None,
    spacing: tuple[float, float, float] = (0.9, 1.1, 5.5),
    origin: tuple[float, float, float] = (-100.0, -120.0, -60.0),
    digits: int = 10,
) -> list[Slice]:
    turn = np.eye(3) if turn is None else turn
    across, down, normal = turn.T
    return [
        Slice(
            name=f"{k:03d}",
            frame=0,
            rows=ROWS,
            columns=COLUMNS,
            position=tuple(np.round(np.array(origin) + k * spacing[2] * normal, digits)),
            orientation=tuple(np.round(np.concatenate([across, down]), digits)),
            spacing=(spacing[1], spacing[0]),
        )
        for k in range(count)
    ]


ANGLES = st.floats(-math.pi, math.pi)


@given(
    angles=st.tuples(ANGLES, ANGLES, ANGLES),
    spacing=st.tuples(*[st.floats(0.4, 7.0)] * 3),
    origin=st.tuples(*[st.floats(-300, 300)] * 3),
    count=st.integers(2, 40),
    seed=st.integers(0, 2**16),
    digits=st.integers(4, 10),
)
def test_any_regular_stack_in_any_order(
    angles: tuple[float, float, float],
    spacing: tuple[float, float, float],
    origin: tuple[float, float, float],
    count: int,
    seed: int,
    digits: int,
) -> None:
    """A point of the first and of the last slice is where the headers say, after rounding as scanners round."""
    turn = rotation(*angles)
    slices = regular(count, turn, spacing, origin, digits)
    shuffled = [slices[each] for each in np.random.default_rng(seed).permutation(count)]
    stack = stack_of(series(shuffled), field="x")
    assert [each.name for each in stack.slices] == [each.name for each in slices]
    assert stack.shape == (COLUMNS, ROWS, count)
    for voxel in ((0, 0, 0), (COLUMNS - 1, ROWS - 1, count - 1), (5, 7, count // 2)):
        expected = np.array(origin) + turn @ (np.array(spacing) * voxel)
        found = LPS_TO_RAS[:3, :3] @ (stack.affine @ [*voxel, 1])[:3]
        assert np.allclose(found, expected, atol=0.05)
    directions = stack.affine[:3, :3] / stack.spacing_mm
    assert np.allclose(directions.T @ directions, np.eye(3), atol=1e-9)
    assert np.linalg.det(directions) > 0


def without(*places: int) -> Callable[[list[Slice]], list[Slice]]:
    return lambda slices: [each for k, each in enumerate(slices) if k not in places]


def moved(place: int, by: tuple[float, float, float]) -> Callable[[list[Slice]], list[Slice]]:
    def change(slices: list[Slice]) -> list[Slice]:
        position = tuple(a + b for a, b in zip(slices[place].position, by, strict=True))
        return [*slices[:place], dataclasses.replace(slices[place], position=position), *slices[place + 1 :]]

    return change


def replaced(place: int, **values: object) -> Callable[[list[Slice]], list[Slice]]:
    return lambda slices: [
        *slices[:place],
        dataclasses.replace(slices[place], **values),
        *slices[place + 1 :],
    ]


def spaced(between_rows_mm: float) -> Callable[[list[Slice]], list[Slice]]:
    return lambda slices: [dataclasses.replace(each, spacing=(between_rows_mm, 1.0)) for each in slices]


def apart(gap_mm: float) -> Callable[[list[Slice]], list[Slice]]:
    return lambda slices: [dataclasses.replace(each, position=(0.0, 0.0, k * gap_mm)) for k, each in enumerate(slices)]


def tilted(slices: list[Slice], degrees: float = 8.0) -> list[Slice]:
    shear = math.tan(math.radians(degrees)) * 5.5
    return [
        dataclasses.replace(each, position=(each.position[0], each.position[1] + k * shear, each.position[2]))
        for k, each in enumerate(slices)
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without(5), "must have no slice missing, got 1 missing of 12"),
        (without(5, 6, 9), "must have no slice missing, got 3 missing of 12"),
        (lambda slices: [*slices, slices[4]], "must have one slice per position, got 1 more"),
        (lambda slices: slices * 3, "must have one slice per position, got 24 more"),
        (lambda slices: [slices[0]] * 2, "must have one slice per position, got 1 more"),
        (moved(4, (0, 0, 2.0)), "must have slices at equal distances, got 3.50 to 7.50 mm"),
        (moved(11, (0, 0, 1.5)), "must have slices at equal distances"),
        (moved(4, (3.0, 0, 0)), "must have slices above each other, got one that is 3.0 mm aside"),
        (tilted, "must be stacked at right angles to its slices, got a tilt of 8.0 degrees"),
        (lambda slices: tilted(slices, 0.3), "got a tilt of 0.3 degrees"),
        (lambda slices: slices[:1], "must have at least 2 slices, got 1"),
        (replaced(3, position=()), "must state position, orientation and pixel spacing of every slice"),
        (replaced(3, orientation=()), "must state position"),
        (replaced(3, spacing=()), "must state position"),
        (replaced(3, rows=21), "must have slices of one size, got 2 sizes"),
        (replaced(3, spacing=(1.1, 1.0)), "must have one pixel spacing"),
        (replaced(3, orientation=(0.0, 1.0, 0.0, 1.0, 0.0, 0.0)), "must have slices that are parallel"),
        (replaced(0, rows=0), "sizes"),
        (spaced(0.0), "must have voxels of 0.001 to 1000 mm, got 0 mm"),
        (spaced(1e300), "must have voxels of 0.001 to 1000 mm, got 1e+300 mm"),
        (apart(1e-300), "must have voxels of 0.001 to 1000 mm, got 1e-300 mm"),
        (apart(1001.0), "must have voxels of 0.001 to 1000 mm, got 1e+03 mm"),
        (apart(1e300), "must lie within 100000 mm of its origin, got 1.1e+301 mm"),
        (
            lambda slices: [dataclasses.replace(each, orientation=(1e300, 0, 0, 0, 1e300, 0)) for each in slices],
            "at right angles, of unit directions",
        ),
        (
            lambda slices: [dataclasses.replace(each, rows=1, columns=2**15) for each in slices],
            "must have at most 32767 rows, columns and slices, got 32768",
        ),
        (lambda slices: [dataclasses.replace(each, rows=0) for each in slices], "voxels, got 0"),
        (lambda slices: [dataclasses.replace(each, rows=2**15, columns=2**15) for each in slices], "voxels, got"),
        (
            lambda slices: [dataclasses.replace(each, orientation=(1.0, 0.0, 0.0, 1.0, 0.0, 0.0)) for each in slices],
            "at right angles, of unit directions",
        ),
        (
            lambda slices: [dataclasses.replace(each, orientation=(2.0, 0.0, 0.0, 0.0, 2.0, 0.0)) for each in slices],
            "at right angles, of unit directions",
        ),
    ],
)
def test_stacks_that_are_not_regular(change: Callable[[list[Slice]], list[Slice]], message: str) -> None:
    with pytest.raises(LocalInputError) as caught:
        stack_of(series(change(regular())), field="t1ce")
    assert caught.value.field == "t1ce"
    assert message in str(caught.value)


def test_files_that_make_no_stack() -> None:
    with pytest.raises(LocalInputError, match="one multi-frame image, or single frames, got 12 files"):
        stack_of(series(regular(), multiframe=True), field="x")
    with pytest.raises(LocalInputError, match="one frame of reference"):
        stack_of(series(regular(), frame_of_reference=""), field="x")


@given(place=st.integers(1, 10), angles=st.tuples(ANGLES, ANGLES, ANGLES), thickness=st.floats(0.4, 7.0))
def test_a_missing_slice_is_never_overlooked(place: int, angles: tuple[float, float, float], thickness: float) -> None:
    slices = regular(12, rotation(*angles), (0.9, 0.9, thickness), digits=4)
    with pytest.raises(LocalInputError, match="no slice missing"):
        stack_of(series(without(place)(slices)), field="x")
