from dataclasses import replace

import numpy as np
import pytest
import torch

from imaging.modality import Channel
from imaging.regions import Region
from training.profiles import CHANNELS, ProfileName, Sampling, profile_for
from training.sampling import BatchSource, fit, select_channels, tumour_slices

SMOKE = profile_for(ProfileName.SMOKE, Region.WT)


def test_tumour_slices_are_64_that_hold_the_most_tumour():
    tumour = np.zeros((155, 4, 4), dtype=bool)
    tumour[70:90] = True
    window = tumour_slices(tumour)
    assert len(window) == 64
    assert set(range(70, 90)) <= set(window)
    assert abs((window.start + window.stop) / 2 - 80) <= 1
    assert tumour_slices(tumour[:30]) == range(30)


def test_channels_of_a_batch_follow_the_plan():
    slices = torch.arange(4.0).view(1, 4, 1, 1).expand(2, 4, 3, 3)  # t1 0, t1ce 1, t2 2, flair 3
    chosen = select_channels(slices, [Channel.FLAIR, Channel.T1CE_MINUS_T1, Channel.T2])
    assert chosen[0, :, 0, 0].tolist() == [3.0, 1.0, 2.0]


def test_fit_pads_at_the_end():
    assert fit(np.ones((2, 3, 3)), (4, 3)).sum() == 18
    assert fit(np.ones((3, 3)), (4, 5))[3:].sum() == 0


@pytest.mark.parametrize("region", Region)
def test_an_epoch_is_a_pure_function_of_its_seed_and_number(cases, region):
    profile = profile_for(ProfileName.SMOKE, region)
    one, same = (list(BatchSource(cases, region, profile, seed=1).epoch(3)) for _ in range(2))
    other = list(BatchSource(cases, region, profile, seed=1).epoch(4))
    assert len(one) == profile.steps_per_epoch
    for (slices, target), (again, its) in zip(one, same, strict=True):
        assert slices.shape == (profile.batch_size, len(CHANNELS[region]), *profile.patch)
        assert target.shape == (profile.batch_size, 1, *profile.patch)
        assert torch.equal(slices, again)
        assert torch.equal(target, its)
    assert not torch.equal(one[0][0], other[0][0])


def test_balanced_sampling_shows_the_region_often_and_patients_without_it_too(cases):
    profile = replace(SMOKE, sampling=Sampling.BALANCED, steps_per_epoch=10, batch_size=10, patch=(64, 64))
    targets = torch.cat([target for _, target in BatchSource(cases, Region.ET, profile, seed=0).epoch(0)])
    share = (targets.sum(dim=(1, 2, 3)) > 0).float().mean().item()
    assert 0.4 < share < 0.95


def test_the_papers_epoch_shows_every_tumour_slice_once(cases):
    profile = replace(SMOKE, steps_per_epoch=None, patch=None, batch_size=7, sampling=Sampling.TUMOUR_64)
    source = BatchSource(cases, Region.WT, profile, seed=0)
    shown = sum(len(slices) for slices, _ in source.epoch(0))
    assert shown == sum(len(tumour_slices(case.mask(Region.WT))) for case in cases)


def test_patches_for_core_and_enhancement_lie_about_the_tumour(cases):
    profile = replace(SMOKE, sampling=Sampling.BALANCED, patch=(32, 32), steps_per_epoch=5)
    enhancing = [case for case in cases if case.voxels[Region.ET]]
    targets = torch.cat([target for _, target in BatchSource(enhancing, Region.TC, profile, seed=0).epoch(0)])
    assert (targets.sum(dim=(1, 2, 3)) > 0).float().mean() > 0.5


def test_strong_augmentation_changes_inputs_alone_in_number(cases):
    profile = replace(SMOKE, strong_augmentation=True)
    plain = next(iter(BatchSource(cases, Region.WT, SMOKE, seed=0).epoch(0)))
    strong = next(iter(BatchSource(cases, Region.WT, profile, seed=0).epoch(0)))
    assert plain[0].shape == strong[0].shape
    assert not torch.equal(plain[0], strong[0])
