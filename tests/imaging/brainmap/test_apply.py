from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from imaging.brainmap.apply import MAX_LOST, apply_edit, mirror
from imaging.brainmap.edit import EditError, MapEdit
from imaging.brainmap.fill import healthy_bands
from imaging.brainmap.maps import BrainMap, Lesion
from imaging.modality import Modality
from tests.imaging.brainmap.balls import CENTRE, ball_map, centroid, grid, same

DEEP = settings(max_examples=25, deadline=None)
small_shifts = st.tuples(*[st.floats(-3, 3)] * 3)
angles = st.tuples(*[st.floats(-180, 180)] * 3)


@st.composite
def edits(draw) -> MapEdit:
    return MapEdit(
        shift_mm=draw(st.tuples(*[st.floats(-7, 7)] * 3)),
        scale=draw(st.floats(0.6, 1.5)),
        rotation_deg=draw(angles),
        elastic_mm=draw(st.floats(0, 1.5)),
        elastic_scale_mm=draw(st.floats(6, 20)),
        mirror=draw(st.booleans()),
    )


def test_the_identity_is_the_identity():
    made = ball_map()
    assert same(apply_edit(made, MapEdit(), seed=1), ball_map())


@DEEP
@given(edits(), st.integers(0, 5))
def test_whatever_the_edit(edit, seed):
    """Same in, same out; the outline stays; the lesion's band is where the lesion is, all else comes from tissue."""
    made = ball_map(tumour=(13, 17, 12))
    try:
        edited = apply_edit(made, edit, seed=seed)
    except EditError:
        return
    assert same(made, ball_map(tumour=(13, 17, 12)))
    assert same(edited, apply_edit(made, edit, seed=seed))
    np.testing.assert_array_equal(edited.brain, made.brain[::-1] if edit.mirror else made.brain)
    for array in edited.bands.values():
        np.testing.assert_array_equal(array == 4, edited.lesion != Lesion.NONE)
    assert edited.grid is made.grid


@DEEP
@given(edits())
def test_far_from_the_old_and_the_new_lesion_nothing_changes(edit):
    made = ball_map(tumour=(13, 17, 12))
    try:
        edited = apply_edit(made, edit, seed=0)
    except EditError:
        return
    before = mirror(made) if edit.mirror else made
    touched = (before.lesion != Lesion.NONE) | (edited.lesion != Lesion.NONE)
    for modality, array in edited.bands.items():
        np.testing.assert_array_equal(array[~touched], before.bands[modality][~touched])
        # What the lesion left is the other side's tissue, and nothing of the lesion.
        left = (before.lesion != Lesion.NONE) & (edited.lesion == Lesion.NONE)
        np.testing.assert_array_equal(array[left], healthy_bands(before)[modality][left])


@DEEP
@given(small_shifts, st.sampled_from([1.0, 2.0]))
def test_a_shift_moves_every_part_by_itself(voxels, spacing_mm):
    made = ball_map(spacing_mm=spacing_mm)
    edited = apply_edit(made, MapEdit(shift_mm=tuple(spacing_mm * value for value in voxels)), seed=0)
    # To the nearest voxel, all of the lesion alike.
    np.testing.assert_allclose(centroid(edited) - centroid(made), voxels, atol=0.51)
    for part in Lesion:
        assert np.count_nonzero(edited.lesion == part) == np.count_nonzero(made.lesion == part)


def test_a_shift_of_whole_voxels_is_exact():
    made = ball_map()
    edited = apply_edit(made, MapEdit(shift_mm=(2, -3, 1)), seed=0)
    np.testing.assert_array_equal(edited.lesion, np.roll(made.lesion, (2, -3, 1), axis=(0, 1, 2)))


@settings(max_examples=10, deadline=None)
@given(st.floats(0.7, 1.5))
def test_the_volume_grows_by_the_cube_of_the_scale(scale):
    made = ball_map(radius=6)
    # A small ball's voxels come and go in whole shells; turned in several ways, their number evens out.
    turns = [(0, 0, 0), (20, 35, 70), (-50, 10, 130), (75, -40, 15), (-15, 60, -100), (160, 25, 50)]
    turned = [apply_edit(made, MapEdit(scale=scale, rotation_deg=turn), seed=0) for turn in turns]
    ratio = np.mean([np.count_nonzero(edited.lesion) for edited in turned]) / np.count_nonzero(made.lesion)
    assert ratio == pytest.approx(scale**3, rel=0.1)
    for edited in turned:
        np.testing.assert_allclose(centroid(edited), CENTRE, atol=0.6)


def test_a_quarter_turn_about_the_vertical_takes_right_to_front():
    made = ball_map()
    lesion = made.lesion.copy()
    lesion[12:20, 15:17, 11:13] = Lesion.NCR
    lesion[18:20, 15:17, 11:13] = Lesion.ET
    marked = BrainMap(made.bands, lesion, grid())
    edited = apply_edit(marked, MapEdit(rotation_deg=(0, 0, 90)), seed=0)
    np.testing.assert_array_equal(edited.lesion, np.rot90(lesion, k=1, axes=(0, 1)))


def test_the_bands_inside_the_lesion_go_with_it():
    made = ball_map()
    bands = {modality: array.copy() for modality, array in made.bands.items()}
    bands[Modality.T2][15:17, 15:17, 11:13] = 1
    bands[Modality.FLAIR][15, 12, 11] = 2
    edited = apply_edit(BrainMap(bands, made.lesion, grid()), MapEdit(shift_mm=(0, 4, -2)), seed=0)
    there = edited.lesion != Lesion.NONE
    for modality, array in edited.bands.items():
        np.testing.assert_array_equal(array[there], np.roll(bands[modality], (0, 4, -2), axis=(0, 1, 2))[there])


@DEEP
@example((0, 0.5, 0), 1.0, (1, 0, 0), 1.0, 0)  # Sampled in steps of a voxel, this rim would have a hole.
@given(small_shifts, st.floats(0.6, 1.5), angles, st.floats(0, 1.5), st.integers(0, 100))
def test_what_a_rim_encloses_stays_enclosed(shift_mm, scale, rotation_deg, elastic_mm, seed):
    edit = MapEdit(shift_mm=shift_mm, scale=scale, rotation_deg=rotation_deg, elastic_mm=elastic_mm, elastic_scale_mm=8)
    try:
        edited = apply_edit(ball_map(), edit, seed=seed)
    except EditError:
        return
    around = ndimage.binary_dilation(edited.lesion == Lesion.NCR) & edited.brain
    assert set(np.unique(edited.lesion[around])) <= {Lesion.NCR, Lesion.ET}


def test_necrosis_that_lay_open_stays_as_it_was():
    made = ball_map()
    lesion = made.lesion.copy()
    lesion[lesion == Lesion.ET] = Lesion.ED
    edited = apply_edit(BrainMap(made.bands, lesion, grid()), MapEdit(shift_mm=(2, 0, 0)), seed=0)
    np.testing.assert_array_equal(edited.lesion, np.roll(lesion, 2, axis=0))


@DEEP
@example((0, 0.5, 0), 1.0, (1, 0, 0), 1.0, 0)
@given(small_shifts, st.floats(0.6, 1.5), angles, st.floats(0, 1.5), st.integers(0, 100))
def test_a_tumour_without_a_rim_is_given_none(shift_mm, scale, rotation_deg, elastic_mm, seed):
    made = ball_map()
    lesion = made.lesion.copy()
    lesion[lesion == Lesion.ET] = Lesion.ED
    edit = MapEdit(shift_mm=shift_mm, scale=scale, rotation_deg=rotation_deg, elastic_mm=elastic_mm, elastic_scale_mm=8)
    try:
        edited = apply_edit(BrainMap(made.bands, lesion, grid()), edit, seed=seed)
    except EditError:
        return
    assert not (edited.lesion == Lesion.ET).any()


def test_the_seed_is_of_the_elastic_field_and_of_nothing_else():
    made = ball_map()
    elastic = MapEdit(elastic_mm=1.5, elastic_scale_mm=8)
    assert not same(apply_edit(made, elastic, seed=0), apply_edit(made, elastic, seed=1))
    rigid = MapEdit(scale=1.2, rotation_deg=(20, 0, 0))
    assert same(apply_edit(made, rigid, seed=0), apply_edit(made, rigid, seed=1))


def test_an_elastic_field_changes_the_shape_and_leaves_the_place():
    made = ball_map()
    edited = [apply_edit(made, MapEdit(elastic_mm=1.5, elastic_scale_mm=8), seed=seed) for seed in range(20)]
    before = made.lesion != Lesion.NONE
    changed = [np.count_nonzero(before ^ (other.lesion != Lesion.NONE)) for other in edited]
    assert 0.15 < np.mean(changed) / np.count_nonzero(before) < 0.5
    assert max(np.linalg.norm(centroid(other) - centroid(made)) for other in edited) < 1.2


@DEEP
@given(st.floats(0, 15), angles)
def test_no_more_of_the_lesion_is_cut_off_than_allowed(distance_mm, rotation_deg):
    made = ball_map()
    edit = MapEdit(shift_mm=tuple((distance_mm * MapEdit(rotation_deg=rotation_deg).linear[0]).tolist()))
    whole = np.count_nonzero(made.lesion)
    try:
        kept = np.count_nonzero(apply_edit(made, edit, seed=0).lesion)
    except EditError:
        kept = 0
    if distance_mm < 5:
        assert kept == whole
    elif distance_mm > 12:
        assert kept == 0
    else:
        assert kept == 0 or kept >= (1 - MAX_LOST) * whole


def test_a_lesion_shifted_past_the_frame_is_refused():
    with pytest.raises(EditError, match="a loss of 100%"):
        apply_edit(ball_map(), MapEdit(shift_mm=(0, 0, 100)), seed=0)


def test_a_lesion_that_vanishes_is_refused():
    made = ball_map(radius=0)
    lesion = made.lesion.copy()
    lesion[11, 15, 11] = lesion[19, 15, 11] = Lesion.ED
    with pytest.raises(EditError, match="must leave a voxel"):
        apply_edit(BrainMap(made.bands, lesion, grid()), MapEdit(scale=0.4), seed=0)


def test_mirroring_twice_is_the_identity_and_once_turns_the_arrays_over():
    made = ball_map(tumour=(12, 15, 12))
    once = apply_edit(made, MapEdit(mirror=True), seed=0)
    np.testing.assert_array_equal(once.lesion, made.lesion[::-1])
    assert same(apply_edit(once, MapEdit(mirror=True), seed=0), made)


def test_the_shift_is_in_the_world_of_the_mirrored_map():
    made = ball_map(tumour=(12, 15, 12))
    edited = apply_edit(made, MapEdit(mirror=True, shift_mm=(2, 0, 0)), seed=0)
    np.testing.assert_array_equal(edited.lesion, np.roll(made.lesion[::-1], 2, axis=0))


def test_without_a_lesion_a_map_can_be_mirrored_and_nothing_else():
    made = ball_map(radius=0)
    assert same(apply_edit(made, MapEdit(mirror=True), seed=0), mirror(made))
    with pytest.raises(EditError, match="a map without one"):
        apply_edit(made, MapEdit(scale=1.2), seed=0)
