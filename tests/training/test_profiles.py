import pytest

from imaging.modality import Channel
from imaging.regions import Region
from training.losses import LossName
from training.profiles import CHANNELS, ProfileName, Sampling, profile_for


def test_the_papers_profile_is_the_papers():
    for region in Region:
        profile = profile_for(ProfileName.PAPER, region)
        assert profile.epochs == 100
        assert profile.loss is LossName.SOFT_DICE
        assert profile.sampling is Sampling.TUMOUR_64
        assert not profile.strong_augmentation
        assert profile.validate_every == 1
    assert CHANNELS[Region.WT] == (Channel.T1, Channel.T2, Channel.FLAIR)
    assert CHANNELS[Region.TC] == CHANNELS[Region.ET] == (*CHANNELS[Region.WT], Channel.T1CE_MINUS_T1)


@pytest.mark.parametrize("name", ProfileName)
@pytest.mark.parametrize("region", Region)
def test_patches_fit_four_scaling_levels_and_the_last_epoch_is_validated(name, region):
    profile = profile_for(name, region)
    assert profile.patch is None or not any(side % 16 for side in profile.patch)
    assert profile.epochs <= 100
