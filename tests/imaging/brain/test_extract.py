"""Brain extraction with networks that are plain arithmetic: orientation, boxes, cubes, what is refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from imaging.brain.extract import extract_brain
from imaging.brain.plan import BrainPlan, BrainStep, BrainStepPlan
from imaging.errors import ExamError, PipelineCancelledError
from imaging.geometry import Grid
from imaging.volume import Volume
from tests.imaging.pipeline.synthetic import all_orientations

PLAN = BrainPlan(BrainStepPlan(BrainStep.BOX, side=32), BrainStepPlan(BrainStep.MASK, side=64))
AIR, BRAIN, SCALP = 0, 60, 100
SHAPE = (40, 48, 30)


class Shades:
    """Takes middling levels for brain; remembers what it was shown."""

    def __init__(self) -> None:
        self.shown: dict[BrainStep, npt.NDArray[np.uint8]] = {}

    def find_brain(self, step: BrainStep, volume: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        self.shown[step] = volume
        return np.where((volume > 120) & (volume < 190), 255, 0).astype(np.uint8)


def ball(centre: tuple[float, ...], radius: float) -> npt.NDArray[np.bool_]:
    indices = np.indices(SHAPE)
    return sum((axis - middle) ** 2 for axis, middle in zip(indices, centre, strict=True)) <= radius**2


BRAIN_MASK = ball((17, 26, 14), 8)


def head(affine: npt.NDArray[np.float64] | None = None) -> Volume:
    """An uneven head: a brain that is not in its middle, with a hole, in a scalp with a nose."""
    voxels = np.full(SHAPE, AIR, np.int16)
    voxels[ball((18, 25, 14), 12) | ball((30, 34, 8), 3)] = SCALP
    voxels[BRAIN_MASK] = BRAIN
    voxels[17:19, 26:28, 14] = AIR
    return Volume(voxels, Grid(SHAPE, np.diag([1.0, 1.0, 1.0, 1.0]) if affine is None else affine))


def test_finds_the_brain_and_fills_its_hole() -> None:
    network = Shades()

    found = extract_brain(head(), network, PLAN)

    assert (found.shape, found.dtype) == (SHAPE, np.bool_)
    np.testing.assert_array_equal(found, BRAIN_MASK)
    assert {step: cube.shape for step, cube in network.shown.items()} == {
        BrainStep.BOX: (32, 32, 32),
        BrainStep.MASK: (64, 64, 64),
    }
    assert {cube.dtype for cube in network.shown.values()} == {np.dtype(np.uint8)}


def test_the_second_look_is_at_the_brain() -> None:
    network = Shades()

    extract_brain(head(), network, PLAN)

    of_brain = {step: float(((cube > 120) & (cube < 190)).mean()) for step, cube in network.shown.items()}
    # A ball fills half of the cube about it; a tenth of margin on each side leaves 0.52 / 1.2 ** 3.
    assert of_brain[BrainStep.BOX] < 0.06
    assert 0.25 < of_brain[BrainStep.MASK] < 0.36


@pytest.mark.parametrize("orientation", range(48))
def test_the_order_and_direction_of_axes_do_not_matter(orientation: int) -> None:
    matrix = list(all_orientations())[orientation]
    volume = head()
    order = [int(np.flatnonzero(matrix[:3, axis])[0]) for axis in range(3)]
    flips = [axis for axis in range(3) if matrix[order[axis], axis] < 0]

    def reorient(array: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        return np.flip(array.transpose(order), flips)

    turned = Volume(reorient(volume.voxels), Grid(tuple(SHAPE[axis] for axis in order), matrix))
    network, plain = Shades(), Shades()

    found = extract_brain(turned, network, PLAN)

    np.testing.assert_array_equal(found, reorient(extract_brain(volume, plain, PLAN)))
    for step in BrainStep:
        np.testing.assert_array_equal(network.shown[step], plain.shown[step])


def test_scale_and_offset_of_intensities_do_not_matter() -> None:
    volume = head()
    brighter = Volume(volume.voxels.astype(np.float32) * 7.5 - 300.0, volume.grid)

    np.testing.assert_array_equal(extract_brain(brighter, Shades(), PLAN), extract_brain(volume, Shades(), PLAN))


def test_a_few_spikes_do_not_dim_the_rest() -> None:
    volume = head()
    voxels = volume.voxels.copy()
    voxels[0, 0, :30] = 30000

    np.testing.assert_array_equal(extract_brain(Volume(voxels, volume.grid), Shades(), PLAN), BRAIN_MASK)


def test_another_piece_is_no_brain() -> None:
    volume = head()
    voxels = volume.voxels.copy()
    voxels[36:39, 2:6, 2:6] = BRAIN

    np.testing.assert_array_equal(extract_brain(Volume(voxels, volume.grid), Shades(), PLAN), BRAIN_MASK)


def nothing(voxels: npt.NDArray[np.int16]) -> None:
    voxels[:] = 7


def no_brain(voxels: npt.NDArray[np.int16]) -> None:
    voxels[voxels == BRAIN] = SCALP


def a_speck(voxels: npt.NDArray[np.int16]) -> None:
    no_brain(voxels)
    voxels[15:17, 20:22, 10:12] = BRAIN


@pytest.mark.parametrize(
    ("alter", "complaint"),
    [
        (nothing, "t1ce: must show a head: more than one intensity, got 7 to 7"),
        (no_brain, "t1ce: must show a brain: 0 ml or more of it, got 0 ml"),
        (a_speck, "t1ce: must show a brain that fills 2% of a plane, got less"),
    ],
)
def test_refuses_what_shows_no_brain(alter: Callable[[npt.NDArray[np.int16]], None], complaint: str) -> None:
    volume = head()
    voxels = volume.voxels.copy()
    alter(voxels)

    with pytest.raises(ExamError) as caught:
        extract_brain(Volume(voxels, volume.grid), Shades(), PLAN, field="t1ce")

    assert str(caught.value) == complaint


@pytest.mark.parametrize("step", BrainStep)
def test_refuses_what_is_too_small_for_a_brain(step: BrainStep) -> None:
    wanted = {one: 5.0 if one is step else 0.0 for one in BrainStep}
    plan = BrainPlan(
        BrainStepPlan(BrainStep.BOX, side=32, smallest_ml=wanted[BrainStep.BOX]),
        BrainStepPlan(BrainStep.MASK, side=64, smallest_ml=wanted[BrainStep.MASK]),
    )

    with pytest.raises(ExamError, match=r"volume: must show a brain: 5 ml or more of it, got 2 ml"):
        extract_brain(head(), Shades(), plan)


@pytest.mark.parametrize("allowed", [0, 1])
def test_can_be_cancelled_before_each_look(allowed: int) -> None:
    network = Shades()

    def check_cancelled() -> None:
        if len(network.shown) == allowed:
            raise PipelineCancelledError

    with pytest.raises(PipelineCancelledError):
        extract_brain(head(), network, PLAN, check_cancelled=check_cancelled)
    assert len(network.shown) == allowed
