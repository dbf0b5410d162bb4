"""What is drawn, and on which side of the picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import glioserve as gs
import numpy as np
import pytest
from glioserve.render.montage import draw_layer, layout_of
from glioserve.render.planes import Plane
from glioserve.render.scene import Scene
from glioserve.render.views import view_of_all, view_of_region

from tests.client import exams, native


def result(labels: np.ndarray, scheme: gs.LabelScheme = gs.LabelScheme.BRATS_2018) -> gs.SegmentationResult:
    """A server's answer about an exam that came as the networks take it, without a word on how it was prepared."""
    told = native.result()
    label_map = gs.LabelMap(exams.nifti_gz(labels), scheme)
    return replace(told, label_map=label_map, findings=(), preparations=(), brain_mask=None)


@pytest.fixture
def scene(scored_dir: Path) -> Scene:
    return Scene.of(gs.find_case(scored_dir), result(exams.labels()))


def test_a_scene_is_in_ras_order_and_cropped_to_the_head(scene: Scene) -> None:
    shape = scene.masks[gs.Region.WT].shape
    assert all(cropped < whole for cropped, whole in zip(shape[:2], exams.SHAPE[:2], strict=True))
    # I and J of the files run to the left and to the back; so the tumour's centre is mirrored.
    i, j, k = (round(float(axis.mean())) for axis in np.nonzero(scene.masks[gs.Region.ET]))
    centre = tuple(at + origin for at, origin in zip((i, j, k), scene.origin, strict=True))
    assert centre == (exams.SHAPE[0] - 1 - 10, exams.SHAPE[1] - 1 - 12, 11)
    assert scene.spacing_mm == (2.0, 2.0, 2.0)
    assert scene.reference is not None
    for region in gs.Region:
        assert np.array_equal(scene.reference[region], scene.masks[region])


def test_contrasts_are_windowed(scene: Scene) -> None:
    view = view_of_all(scene)
    for modality in gs.Modality:
        size = (scene.shape[0], scene.shape[1])
        grey = scene.picture(modality, Plane.AXIAL, view.slices[Plane.AXIAL], size)
        tumour = Plane.AXIAL.cut(scene.masks[gs.Region.WT], view.slices[Plane.AXIAL])
        assert grey.dtype == np.uint8
        assert grey.min() == 0
        assert grey[tumour].mean() > grey[grey > 0].mean()


def test_a_blank_exam_can_be_drawn(tmp_path: Path) -> None:
    folder = exams.write_case(tmp_path)
    for modality in gs.Modality:
        exams.exam_files(folder).path(modality).write_bytes(exams.nifti_gz(np.zeros(exams.SHAPE, np.float32)))
    blank = Scene.of(gs.find_case(folder), result(np.zeros(exams.SHAPE, np.uint8), gs.LabelScheme.MSD))
    assert blank.full_shape == exams.SHAPE
    assert view_of_all(blank).chosen_by == ()
    assert view_of_all(blank).slices[Plane.AXIAL] == exams.SHAPE[2] // 2


def test_the_patients_right_is_on_the_left(scene: Scene) -> None:
    tumour = scene.masks[gs.Region.WT]
    assert np.nonzero(tumour)[0].mean() > tumour.shape[0] / 2, "the tumour is on the patient's right"
    for plane in (Plane.AXIAL, Plane.CORONAL):
        picture = plane.cut(tumour, view_of_all(scene).slices[plane])
        assert np.nonzero(picture)[1].mean() < picture.shape[1] / 2
        assert plane.letters[2:] == ("R", "L")


@pytest.mark.parametrize("plane", Plane)
def test_letters_name_the_sides(plane: Plane) -> None:
    sides = {"R": (0, -1), "L": (0, 0), "A": (1, -1), "P": (1, 0), "S": (2, -1), "I": (2, 0)}
    places = {0: (0, slice(None)), 1: (-1, slice(None)), 2: (slice(None), 0), 3: (slice(None), -1)}
    for number, letter in enumerate(plane.letters):
        axis, end = sides[letter]
        volume = np.zeros((3, 4, 5), dtype=bool)
        np.moveaxis(volume, axis, 0)[end] = True
        assert plane.cut(volume, 1)[places[number]].all(), f"{letter} of {plane}"


def test_slices_are_those_with_the_largest_area(scene: Scene) -> None:
    for region in gs.Region:
        view = view_of_region(scene, region)
        assert view.chosen_by == (region,)
        assert view.slices[Plane.AXIAL] + scene.origin[2] == 11


def test_where_a_region_is_empty_the_next_larger_one_chooses(scored_dir: Path) -> None:
    without_et = exams.labels()
    without_et[exams.MASKS[gs.Region.ET]] = 1
    scene = Scene.of(gs.find_case(scored_dir), result(without_et))
    assert view_of_region(scene, gs.Region.ET).chosen_by == (gs.Region.TC,)


def test_outlines_lie_around_the_region(scene: Scene) -> None:
    layout = layout_of(scene)
    view = view_of_all(scene)
    layer = np.asarray(draw_layer(scene.masks, gs.Region.WT, view, layout))[..., 3]
    left, top, width, height = layout.tiles[Plane.AXIAL, gs.Modality.T1]
    opacity = layer[top : top + height, left : left + width]
    rows, columns = np.nonzero(opacity)
    inside = Plane.AXIAL.cut(scene.masks[gs.Region.WT], view.slices[Plane.AXIAL])
    scale = height / inside.shape[0]
    middle = [float(axis.mean() + 0.5) * scale for axis in np.nonzero(inside)]
    assert [rows.mean(), columns.mean()] == pytest.approx(middle, abs=2)
    assert opacity[round(middle[0]), round(middle[1])] == 0, "the tissue within stays visible"
    assert rows.max() - rows.min() == pytest.approx(np.ptp(np.nonzero(inside)[0]) * scale, abs=2 * scale)
