"""Training by several processes: shares of batches. Two real workers train in tests/k8s/test_jobs.py."""

import numpy as np
import pytest

from imaging.regions import Region
from training.errors import TrainingError
from training.profiles import ProfileName, profile_for
from training.sampling import BatchSource
from training.workers import Share, open_fabric, share_of

SMOKE = profile_for(ProfileName.SMOKE, Region.WT)


def test_one_process_trains_alone():
    assert share_of(open_fabric({})) == Share(0, 1)


@pytest.mark.parametrize(("rank", "count"), [(-1, 2), (2, 2), (0, 0)])
def test_a_worker_that_is_none(rank, count):
    with pytest.raises(TrainingError, match="rank"):
        Share(rank, count)


def test_nodes_with_unlike_numbers_of_workers_are_refused():
    with pytest.raises(TrainingError, match="as many on each node"):
        open_fabric({"WORLD_SIZE": "5", "LOCAL_WORLD_SIZE": "2"})


def test_workers_share_every_batch(cases):
    """Together they show what one shows, as far as slices are chosen."""

    def choices(rank, count):
        source = BatchSource(cases, Region.WT, SMOKE, seed=1, share=Share(rank, count))
        shown = []
        source._batch = lambda batch, *_: shown.append(list(batch))
        list(source.epoch(0))
        return shown

    whole, first, second = choices(0, 1), choices(0, 2), choices(1, 2)
    assert len(whole) == len(first) == len(second) == SMOKE.steps_per_epoch
    for batch, own, other in zip(whole, first, second, strict=True):
        assert (batch[0::2], batch[1::2]) == (own, other)


def test_workers_change_their_slices_by_their_own_chance(cases):
    first, second = (
        next(iter(BatchSource(cases, Region.WT, SMOKE, seed=1, share=Share(rank, 2)).epoch(0))) for rank in (0, 1)
    )
    assert len(first[0]) == len(second[0]) == SMOKE.batch_size // 2
    assert not np.array_equal(first[0], second[0])
