"""Exams whose contrasts lie on grids of their own: drawn where they were, in their true proportions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import glioserve as gs
import numpy as np
import pytest
from glioserve.render.checkerboard import checkerboard
from glioserve.render.montage import layout_of
from glioserve.render.planes import Plane
from glioserve.render.scene import Scene
from glioserve.render.views import view_of_all

from tests.client import exams, native


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> gs.Case:
    return native.write_exam(tmp_path_factory.mktemp("native"))


@pytest.fixture(scope="module", params=gs.Modality)
def scene(request: pytest.FixtureRequest, case: gs.Case) -> Scene:
    """With the masks on the grid of each contrast."""
    return Scene.of(case, native.result(on=request.param))


def size_mm(scene: Scene, plane: Plane, pixels_per_mm: float = 0.5) -> tuple[int, int]:
    extents = [size * spacing * pixels_per_mm for size, spacing in zip(scene.shape, scene.spacing_mm, strict=True)]
    return round(extents[plane.column_axis]), round(extents[plane.row_axis])


def similarity(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


@pytest.mark.parametrize("plane", Plane)
def test_all_contrasts_show_the_same_place(scene: Scene, plane: Plane) -> None:
    size = size_mm(scene, plane)
    at = view_of_all(scene).slices[plane]
    pictures = {each: scene.picture(each, plane, at, size) for each in gs.Modality}
    for each, picture in pictures.items():
        assert similarity(picture, pictures[gs.Modality.T1CE]) > 0.8, (
            each
        )  # thin shells in slices of different thickness differ at their edges
    sent = scene.picture(native.MOVED, plane, at, size, as_sent=True)
    before, after = (similarity(each, pictures[gs.Modality.T1CE]) for each in (sent, pictures[native.MOVED]))
    assert before < after - 0.1, "as sent, the one that moved is elsewhere"


def test_those_that_did_not_move_are_where_their_files_say(scene: Scene) -> None:
    for each in gs.Modality:
        contrast = scene.contrasts[each]
        assert np.allclose(contrast.placed, contrast.as_sent, atol=1e-6) == (each is not native.MOVED)


def test_the_masks_lie_on_the_tumour(scene: Scene) -> None:
    for plane in Plane:
        at = view_of_all(scene).slices[plane]
        size = (scene.shape[plane.column_axis], scene.shape[plane.row_axis])
        tumour = plane.cut(scene.masks[gs.Region.TC], at)
        for each in gs.Modality:
            picture = scene.picture(each, plane, at, size)
            assert picture[tumour].mean() > 1.3 * np.median(picture[picture > 60]), (plane, each)


def test_the_window_is_the_brains(scene: Scene) -> None:
    """The scalp is brighter than anything in the brain, and must not darken it."""
    plane, at = Plane.AXIAL, view_of_all(scene).slices[Plane.AXIAL]
    size = (scene.shape[plane.column_axis], scene.shape[plane.row_axis])
    assert scene.brain is not None
    brain = plane.cut(scene.brain, at)
    picture = scene.picture(gs.Modality.T1CE, plane, at, size)
    assert np.median(picture[brain]) > 80
    assert picture.max() == 255


def test_proportions_are_the_bodys(scene: Scene) -> None:
    layout = layout_of(scene)
    for (plane, _), (_, _, width, height) in layout.tiles.items():
        across = scene.shape[plane.column_axis] * scene.spacing_mm[plane.column_axis]
        up = scene.shape[plane.row_axis] * scene.spacing_mm[plane.row_axis]
        assert width / height == pytest.approx(across / up, rel=0.02)


def test_the_middle_of_the_brain_is_told_in_the_t1ces_world(scene: Scene) -> None:
    assert np.abs(scene.centre_mm).max() <= 3.5, "the head's middle is the origin, to half a slice"


def test_checkerboards_break_before_and_fit_after(case: gs.Case) -> None:
    scene = Scene.of(case, native.result())
    fixed = np.asarray(checkerboard(scene, gs.Modality.T1CE, as_sent=False), dtype=float)
    before = np.asarray(checkerboard(scene, native.MOVED, as_sent=True), dtype=float)
    after = np.asarray(checkerboard(scene, native.MOVED, as_sent=False), dtype=float)
    assert fixed.shape == before.shape == after.shape
    assert np.abs(after - fixed).mean() < 0.6 * np.abs(before - fixed).mean()
    same = np.abs(before - fixed) == 0
    assert same.mean() > 0.3, "every other square is the T1CE's own"


def test_a_contrast_used_as_it_was_must_be_on_the_grid(case: gs.Case) -> None:
    told = native.result()
    as_it_was = tuple(replace(each, resampled=False) for each in told.preparations)
    with pytest.raises(gs.LocalInputError, match="t1: must be on the grid of the label map to be drawn"):
        Scene.of(case, replace(told, preparations=as_it_was))


def test_a_file_that_became_a_series_is_refused(case: gs.Case, tmp_path: Path) -> None:
    changed = tmp_path / "t2.nii.gz"
    changed.write_bytes(exams.nifti_gz(np.zeros((4, 4, 4, 2), np.float32)))
    paths = {each.value: case.exam.path(each) for each in gs.Modality} | {"t2": changed}
    with pytest.raises(gs.LocalInputError, match="t2: must have 3 axes"):
        Scene.of(gs.Case(gs.ExamFiles(**paths)), native.result())


def test_intensities_that_are_no_numbers_are_black(case: gs.Case, tmp_path: Path) -> None:
    voxels = native.head(native.in_t1ce(gs.Modality.T1)).astype(np.float32)
    voxels[0, 0, 0], voxels[1, 0, 0] = np.nan, np.inf
    changed = tmp_path / "t1.nii.gz"
    changed.write_bytes(exams.nifti_gz(voxels, native.GRIDS[gs.Modality.T1][0]))
    paths = {each.value: case.exam.path(each) for each in gs.Modality} | {"t1": changed}
    contrast = Scene.of(gs.Case(gs.ExamFiles(**paths)), native.result()).contrasts[gs.Modality.T1]
    assert np.isfinite(contrast.voxels).all()
    grey = contrast.window.grey(contrast.voxels)
    assert (grey[0, 0, 0], grey[1, 0, 0], grey.max()) == (0, 0, 255)
