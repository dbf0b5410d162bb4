import math

import numpy as np
import pytest

from imaging.errors import ExamError, GeometryError, PipelineCancelledError
from imaging.exam import Exam
from imaging.geometry import Grid
from imaging.modality import Modality
from imaging.pipeline.observer import SilentObserver, Stage
from imaging.pipeline.segment import segment
from imaging.preprocess.prepare import prepare
from imaging.regions import Region
from imaging.volume import Volume


class Recorder(SilentObserver):
    def __init__(self, *, cancel_after=None):
        self.progress = []
        self.found_masks = {}
        self.checks = 0
        self.cancel_after = cancel_after

    def progressed(self, stage, done, total):
        self.progress.append((stage, done, total))

    def found(self, region, mask, **_):
        self.found_masks[region] = mask

    def check_cancelled(self):
        self.checks += 1
        if self.cancel_after is not None and self.checks > self.cancel_after:
            raise PipelineCancelledError


STAGES = (
    Stage.CHECK,
    Stage.NORMALISE,
    Stage.SEGMENT_WT,
    Stage.SEGMENT_TC,
    Stage.SEGMENT_ET,
    Stage.GATE,
    Stage.RESTORE,
)
"""Of an exam that needs no preparation, in order."""


def test_regions_are_found_where_they_are_on_the_callers_grid(synthetic):
    recorder = Recorder()
    found = segment(synthetic.exam(), synthetic.VoxelPredictor(), synthetic.plans(), observer=recorder)
    for region, radius in ((Region.WT, 6), (Region.TC, 4), (Region.ET, 3)):
        np.testing.assert_array_equal(found.masks[region], synthetic.ball((26, 18, 12), radius))
        np.testing.assert_array_equal(recorder.found_masks[region], found.masks[region])
    assert found.warnings == ()
    assert tuple(found.timings_s) == STAGES
    assert list(recorder.found_masks) == [Region.WT, Region.TC, Region.ET]


def test_progress_of_every_stage_ends_at_its_total(synthetic):
    recorder = Recorder()
    segment(synthetic.exam(), synthetic.VoxelPredictor(), synthetic.plans(), observer=recorder, micro_batch=5)
    last = {stage: (done, total) for stage, done, total in recorder.progress}
    assert set(last) == set(STAGES)
    assert all(done == total for done, total in last.values())


def test_an_empty_tumour_is_stated_and_asks_no_more_of_the_networks(synthetic):
    predictor = synthetic.VoxelPredictor()
    found = segment(synthetic.exam(tumour=False), predictor, synthetic.plans())
    assert not any(mask.any() for mask in found.masks.values())
    assert "No tumour was found" in found.warnings[0]
    assert {region for region, _ in predictor.calls} == {Region.WT}


def test_the_result_does_not_depend_on_the_micro_batch(synthetic):
    one = segment(synthetic.exam(), synthetic.VoxelPredictor(), synthetic.plans(), micro_batch=1)
    many = segment(synthetic.exam(), synthetic.VoxelPredictor(), synthetic.plans(), micro_batch=16)
    for region in Region:
        np.testing.assert_array_equal(one.masks[region], many.masks[region])


def test_the_result_does_not_depend_on_how_many_are_in_flight(synthetic):
    one = segment(synthetic.exam(), synthetic.VoxelPredictor(), synthetic.plans(), micro_batch=2)
    many = segment(synthetic.exam(), synthetic.VoxelPredictor(), synthetic.plans(), micro_batch=2, in_flight=5)
    for region in Region:
        np.testing.assert_array_equal(one.masks[region], many.masks[region])
    assert one.voxels_removed == many.voxels_removed


def test_the_full_frame_is_shown_whole_and_tells_the_same(synthetic):
    predictor = synthetic.VoxelPredictor()
    whole = segment(synthetic.exam(), predictor, synthetic.plans(), full_frame=True, micro_batch=16)
    i, j, k = synthetic.SHAPE
    frame = -(-i // 16) * 16 * (-(-j // 16) * 16)
    for region in Region:
        assert (
            sum(math.prod((shape[0], *shape[2:])) for shown, shape in predictor.calls if shown is region) == frame * k
        )
    assert whole.shown_share == frame / (i * j)
    short = segment(synthetic.exam(), synthetic.VoxelPredictor(), synthetic.plans())
    assert short.shown_share < whole.shown_share
    for region in Region:
        np.testing.assert_array_equal(whole.masks[region], short.masks[region])


def test_networks_see_multiples_of_16_and_micro_batches_only(synthetic):
    predictor = synthetic.VoxelPredictor()
    segment(synthetic.exam(), predictor, synthetic.plans(), micro_batch=4)
    for _, (batch, channels, i, j) in predictor.calls:
        assert batch <= 4
        assert channels == 4
        assert i % 16 == 0
        assert j % 16 == 0


def test_core_and_enhancement_outside_the_whole_tumour_are_removed_and_counted(synthetic):
    class Everywhere(synthetic.VoxelPredictor):
        def predict(self, region, slices):
            answer = super().predict(region, slices)
            return answer if region is Region.WT else np.ones_like(answer)

    found = segment(synthetic.exam(), Everywhere(), synthetic.plans())
    np.testing.assert_array_equal(found.masks[Region.ET], found.masks[Region.WT])
    assert found.voxels_removed[Region.TC] > 0
    assert found.voxels_removed[Region.WT] == 0


def test_a_small_enhancement_is_reported_as_absent(synthetic):
    plans = synthetic.plans()
    plans[Region.ET] = type(plans[Region.ET])(region=Region.ET, channels=synthetic.CHANNELS, min_region_ml=1.0)
    found = segment(synthetic.exam(), synthetic.VoxelPredictor(), plans)
    assert not found.masks[Region.ET].any()
    assert found.masks[Region.TC].any()
    assert "No enhancing tumour" in found.warnings[0]


def test_mirroring_averages_a_slice_with_its_mirror_image(synthetic):
    class FirstHalf:
        """Sure of the whole half of the frame with low I, whatever is there."""

        def predict(self, _region, slices):
            answer = np.zeros((len(slices), *slices.shape[2:]), dtype=np.float32)
            answer[:, : slices.shape[2] // 2] = 0.9
            return answer

    assert not segment(synthetic.exam(), FirstHalf(), synthetic.plans(mirror=True)).masks[Region.WT].any()
    assert segment(synthetic.exam(), FirstHalf(), synthetic.plans(mirror=True, threshold=0.4)).masks[Region.WT].any()


def test_a_cancelled_run_stops_within_one_micro_batch(synthetic):
    whole = Recorder()
    predictor = synthetic.VoxelPredictor()
    segment(synthetic.exam(), predictor, synthetic.plans(), observer=whole, micro_batch=1)
    calls = len(predictor.calls)
    for allowed in (3, 8, whole.checks - 1):
        predictor = synthetic.VoxelPredictor()
        with pytest.raises(PipelineCancelledError):
            segment(
                synthetic.exam(),
                predictor,
                synthetic.plans(),
                observer=Recorder(cancel_after=allowed),
                micro_batch=1,
            )
        assert len(predictor.calls) <= min(allowed, calls)


def test_all_48_orientations_give_the_same_masks(synthetic):
    reference = segment(synthetic.exam(), synthetic.VoxelPredictor(), synthetic.plans())
    for affine in synthetic.all_orientations():
        source = Grid(synthetic.SHAPE, np.eye(4))
        order = [int(np.flatnonzero(affine[:3, axis])[0]) for axis in range(3)]
        signs = [affine[order[axis], axis] for axis in range(3)]

        def turn(array, order=order, signs=signs):
            turned = np.transpose(array, order)
            return np.ascontiguousarray(turned[tuple(slice(None, None, int(sign)) for sign in signs)])

        origin = np.zeros(3)
        for axis in range(3):
            if signs[axis] < 0:
                origin[order[axis]] = source.shape[order[axis]] - 1
        moved = affine.copy()
        moved[:3, 3] = origin
        turned = Exam(
            {
                modality: Volume.from_affine(turn(volume.voxels), moved)
                for modality, volume in synthetic.exam().volumes.items()
            }
        )
        found = segment(turned, synthetic.VoxelPredictor(), synthetic.plans())
        for region in Region:
            np.testing.assert_array_equal(found.masks[region], turn(reference.masks[region]))


def test_preparation_is_undone_exactly(synthetic):
    exam = synthetic.exam(affine=np.array([[0, -1.0, 0, 9], [1, 0, 0, 2], [0, 0, -1, 5], [0, 0, 0, 1]]))
    prepared = prepare(exam, multiple=16)
    brain = exam.volumes[Modality.T1].voxels != 0
    np.testing.assert_array_equal(prepared.restore(prepared.cut(brain)), brain)


def test_exams_that_the_networks_were_not_made_for_are_refused(synthetic):
    exam = synthetic.exam()
    predictor = synthetic.VoxelPredictor()
    partial = Exam({Modality.T1: exam.volumes[Modality.T1], Modality.FLAIR: exam.volumes[Modality.FLAIR]})
    with pytest.raises(ExamError, match="missing: t1ce, t2"):
        segment(partial, predictor, synthetic.plans())
    with pytest.raises(GeometryError, match="1 x 1 x 1 mm"):
        segment(synthetic.exam(affine=np.diag([1.0, 1, 5, 1])), predictor, synthetic.plans())
    head = Exam(
        {modality: Volume(volume.voxels + 1, volume.grid) for modality, volume in exam.volumes.items()},
    )
    with pytest.raises(ExamError, match="skull-stripped"):
        segment(head, predictor, synthetic.plans())
    assert predictor.calls == []
