from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from imaging.phantom.anatomy import draw_pose
from imaging.phantom.errors import PhantomError
from imaging.phantom.frame import BOX_SHAPE
from imaging.phantom.lesion import (
    VOLUME_RANGE_ML,
    Enhancement,
    LesionPlan,
    above_tentorium,
    mass_effect,
    offsets_from,
    plan_lesion,
)
from imaging.phantom.template import load_template
from imaging.synthesis.side import Side


@pytest.fixture(scope="module")
def plans() -> list[LesionPlan]:
    rng = np.random.default_rng(0)
    return [plan_lesion(rng, load_template()) for _ in range(200)]


def test_plans_cover_the_range_of_volumes(plans: list[LesionPlan]) -> None:
    volumes = np.array([plan.wt_ml for plan in plans])
    assert VOLUME_RANGE_ML[0] <= volumes.min() < 30
    assert 150 < volumes.max() <= VOLUME_RANGE_ML[1]
    assert 60 < np.median(volumes) < 90
    assert all(0 < plan.tc_ml < plan.wt_ml for plan in plans)


def test_plans_are_of_all_kinds_in_their_shares(plans: list[LesionPlan]) -> None:
    count = Counter(plan.enhancement for plan in plans)
    assert 95 < count[Enhancement.RING] < 145
    assert 20 < count[Enhancement.NODULAR] < 65
    assert 20 < count[Enhancement.NONE] < 65


def test_plans_lie_in_both_hemispheres_above_the_tentorium(plans: list[LesionPlan]) -> None:
    left = sum(plan.centre_mm[0] < 0 for plan in plans)
    assert 70 < left < 130
    assert above_tentorium(np.array([plan.centre_mm for plan in plans]).T).all()
    assert len({plan.centre_mm for plan in plans}) > 190


def test_wishes_are_kept_and_change_nothing_else() -> None:
    drawn = plan_lesion(np.random.default_rng(5), load_template())
    wished = plan_lesion(np.random.default_rng(5), load_template(), enhancement=drawn.enhancement, volume_ml=40.0)
    assert wished.wt_ml == 40.0
    assert wished.enhancement is drawn.enhancement
    assert wished.centre_mm == drawn.centre_mm


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("side", list(Side))
def test_a_side_wanted_is_kept_by_mirroring(seed: int, side: Side) -> None:
    drawn = plan_lesion(np.random.default_rng(seed), load_template())
    wished = plan_lesion(np.random.default_rng(seed), load_template(), side=side)
    assert wished.side is side
    x, y, z = drawn.centre_mm
    assert wished == (drawn if drawn.side is side else replace(drawn, centre_mm=(-x, y, z)))


def test_a_wider_range_admits_other_volumes() -> None:
    plan = plan_lesion(np.random.default_rng(0), load_template(), volume_ml=5.0, volume_range_ml=(5.0, 180.0))
    assert plan.wt_ml == 5.0
    with pytest.raises(PhantomError, match=r"must be from 5 to 180, got 4\.9"):
        plan_lesion(np.random.default_rng(0), load_template(), volume_ml=4.9, volume_range_ml=(5.0, 180.0))


@pytest.mark.parametrize("volume_ml", [0.0, 19.9, 180.1, float("nan")])
def test_volumes_out_of_range_are_refused(volume_ml: float) -> None:
    with pytest.raises(PhantomError) as caught:
        plan_lesion(np.random.default_rng(0), load_template(), volume_ml=volume_ml)
    assert caught.value.field == "volume_ml"


@pytest.mark.parametrize(
    ("position_mm", "above"),
    [
        ((0, -28, -30), False),  # pons
        ((25, -60, -35), False),  # cerebellum
        ((40, 5, -30), True),  # temporal pole
        ((30, 20, 30), True),  # frontal lobe
        ((10, -85, 5), True),  # occipital lobe
    ],
)
def test_tentorium(position_mm: tuple[int, int, int], *, above: bool) -> None:
    assert bool(above_tentorium(np.array(position_mm))) is above


def test_mass_effect_pushes_outwards_and_dies_away() -> None:
    pose = draw_pose(np.random.default_rng(0))
    plan = plan_lesion(np.random.default_rng(1), load_template(), volume_ml=80.0)
    still = np.zeros((3, *BOX_SHAPE), dtype=np.float32)
    moved = mass_effect(plan, pose, still, np.full(BOX_SHAPE, 100, dtype=np.float32))
    # In voxels, what is seen comes from nearer the middle: the shift points inwards.
    shift = np.einsum("ab,bijk->aijk", np.linalg.inv(pose.linear), moved)
    offset = np.stack(np.broadcast_arrays(*offsets_from(pose.to_voxels(plan.centre_mm))))
    assert ((shift * offset).sum(axis=0) <= 1e-3).all()
    length = np.linalg.norm(shift, axis=0)
    distance = np.linalg.norm(offset, axis=0)
    assert length.max() == pytest.approx(plan.push_mm, rel=0.05)
    assert abs(distance.ravel()[length.argmax()] - plan.core_radius_mm) < 2
    assert length[distance > plan.core_radius_mm + 75].max(initial=0) < 0.06 * plan.push_mm
