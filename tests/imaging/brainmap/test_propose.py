from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from imaging.brainmap.apply import apply_edit, mirror
from imaging.brainmap.edit import EditError
from imaging.brainmap.maps import BrainMap, BrainMapError
from imaging.brainmap.propose import EditRanges, draw_edit
from imaging.modality import Modality
from imaging.synthesis.side import Side
from tests.imaging.brainmap.balls import ball_map, centroid, grid

RANGES = EditRanges(
    shift_mm=(1, 9), scale=(0.8, 1.2), rotation_deg=90, elastic_mm=(0.5, 1), elastic_scale_mm=(6, 10), depth_mm=3
)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_a_drawn_edit_lies_in_its_ranges_and_can_be_applied(seed):
    made = ball_map(tumour=(13, 16, 13), radius=3.5)
    edit = draw_edit(made, np.random.default_rng(seed), RANGES)
    assert edit == draw_edit(made, np.random.default_rng(seed), RANGES)
    assert 0.8 <= edit.scale <= 1.2
    assert max(map(abs, edit.rotation_deg)) <= 90
    assert 0.5 <= edit.elastic_mm <= 1
    assert 6 <= edit.elastic_scale_mm <= 10
    assert 1 <= math.hypot(*edit.shift_mm) <= 9
    edited = apply_edit(made, edit, seed=seed)
    before = mirror(made) if edit.mirror else made
    target = np.rint(centroid(before) + edit.shift_mm).astype(int)
    depth = ndimage.distance_transform_edt(before.brain)
    assert depth[tuple(target)] >= 3 - 2  # to within the step of places that are tried
    assert edited.lesion.any()


def test_draws_differ_and_half_of_them_are_mirrored():
    rng = np.random.default_rng(0)
    drawn = [draw_edit(ball_map(radius=3), rng, RANGES) for _ in range(30)]
    assert len({edit.shift_mm for edit in drawn}) > 20
    assert 5 < sum(edit.mirror for edit in drawn) < 25
    plain = EditRanges(shift_mm=(0, 9), scale=(1, 1), rotation_deg=0, elastic_mm=(0, 0), depth_mm=3, mirror=False)
    assert not any(draw_edit(ball_map(radius=3), rng, plain).mirror for _ in range(10))


def test_without_room_to_move_the_lesion_stays_where_it_is():
    still = EditRanges(shift_mm=(0, 0), depth_mm=5, mirror=False)
    made = ball_map(tumour=(8, 15, 12), radius=3)
    edit = draw_edit(made, np.random.default_rng(0), still)
    assert edit.shift_mm == (0, 0, 0)


def test_lesions_stay_out_of_fluid():
    made = ball_map(tumour=(12, 16, 14), radius=2.5)
    bands = {modality: array.copy() for modality, array in made.bands.items()}
    # All of the front half is fluid: bright in T2, dark in FLAIR.
    front = made.brain & (made.lesion == 0)
    front[:, :18] = False
    back = made.brain & (made.lesion == 0) & ~front
    bands[Modality.T2][front], bands[Modality.FLAIR][front] = 4, 1
    bands[Modality.FLAIR][back] = 2
    rng = np.random.default_rng(0)
    for _ in range(20):
        edit = draw_edit(BrainMap(bands, made.lesion, grid()), rng, RANGES)
        assert 16 + edit.shift_mm[1] < 18


def test_lesions_do_not_straddle_the_midplane_more_than_before():
    made = ball_map(tumour=(11, 16, 14), radius=3)
    rng = np.random.default_rng(0)
    plain = EditRanges(shift_mm=(0, 12), scale=(1, 1), rotation_deg=0, elastic_mm=(0, 0), depth_mm=3, mirror=False)
    for _ in range(20):
        lesion = apply_edit(made, draw_edit(made, rng, plain), seed=0).lesion > 0
        right = lesion[16:].sum() / lesion.sum()
        assert min(right, 1 - right) <= 0.15


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("mirrors", [True, False])
@pytest.mark.parametrize("tumour", [(11, 16, 14), (19, 14, 10)])
def test_lesions_come_to_lie_in_the_hemisphere_wanted(side, mirrors, tumour):
    made = ball_map(tumour=tumour, radius=3)
    rng = np.random.default_rng(0)
    ranges = dataclasses.replace(RANGES, shift_mm=(0, 14), mirror=mirrors, side=side)
    for seed in range(12):
        lesion = apply_edit(made, draw_edit(made, rng, ranges), seed=seed).lesion > 0
        right = lesion[16:].sum() / lesion.sum()
        assert (right > 0.5) == (side is Side.RIGHT)


def test_a_hemisphere_out_of_reach_is_refused():
    made = ball_map(tumour=(10, 16, 12), radius=3)
    ranges = dataclasses.replace(RANGES, shift_mm=(0, 2), mirror=False, side=Side.RIGHT)
    with pytest.raises(EditError, match="no place"):
        draw_edit(made, np.random.default_rng(0), ranges)


def test_a_map_without_a_lesion_is_refused():
    with pytest.raises(EditError, match="a map without one"):
        draw_edit(ball_map(radius=0), np.random.default_rng(0), RANGES)


def test_ranges_that_hold_nothing_for_this_map_are_refused():
    with pytest.raises(EditError, match="no place"):
        draw_edit(ball_map(), np.random.default_rng(0), EditRanges(shift_mm=(100, 200)))
    huge = EditRanges(shift_mm=(1, 9), scale=(2.5, 2.5), depth_mm=1)
    with pytest.raises(EditError, match="none in"):
        draw_edit(ball_map(radius=7), np.random.default_rng(0), huge)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("shift_mm", (5.0, 2.0)),
        ("shift_mm", (-1.0, 2.0)),
        ("scale", (0.1, 1.0)),
        ("scale", (1.0, math.nan)),
        ("rotation_deg", 181.0),
        ("elastic_mm", (0.0, 5.0)),
        ("elastic_scale_mm", (20.0, 1000.0)),
        ("depth_mm", -1.0),
    ],
)
def test_invalid_ranges_are_refused_by_name(field, value):
    with pytest.raises(BrainMapError) as caught:
        EditRanges(**{field: value})
    assert caught.value.field == field
