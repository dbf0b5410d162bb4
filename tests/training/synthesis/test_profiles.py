import pytest

from imaging.modality import Modality
from training.synthesis.profiles import GeneratorProfileName, Target, generator_profile


def test_one_generator_draws_all_contrasts_and_four_draw_one_each():
    assert Target.JOINT.draws == tuple(Modality)
    singles = [target for target in Target if target is not Target.JOINT]
    assert [target.draws for target in singles] == [(modality,) for modality in Modality]


def test_what_a_generator_sees_of_a_map():
    assert Target.JOINT.channels.contrasts == tuple(Modality)
    assert Target.JOINT.channels.bands_in_lesion
    assert Target.JOINT.channels.count == 4 * 4 + 3
    assert Target.T2.channels.contrasts == (Modality.T2,)
    assert not Target.T2.channels.bands_in_lesion
    assert Target.T2.channels.count == 4 + 3


@pytest.mark.parametrize("target", Target)
def test_the_papers_profile_is_the_papers(target):
    profile = generator_profile(GeneratorProfileName.PAPER, target)
    assert len(profile.widths) == 7
    assert [size // 2 ** (len(profile.widths) - 1) for size in profile.frame] == [4, 4]
    assert profile.epochs == 100
    assert profile.adapt_every == 10
    assert profile.steps_per_epoch * profile.batch_size == 164 * 64  # patients, slices of each (sections 2.2, 2.3.4)
    assert profile.perceptual_patch is None
    assert profile.perceptual_contrasts == len(target.draws)


@pytest.mark.parametrize("name", GeneratorProfileName)
@pytest.mark.parametrize("target", Target)
def test_settings_fit_each_other(name, target):
    profile = generator_profile(name, target)
    assert not any(size % 2 ** (len(profile.widths) - 1) for size in profile.frame)
    assert 1 <= profile.perceptual_contrasts <= len(target.draws)
    # The fifth block of VGG-19 sees its images at a sixteenth of their size.
    assert profile.perceptual_patch is None or 32 <= profile.perceptual_patch <= min(profile.frame)
    # The discriminator learns for an epoch before it counts, and then has time to.
    assert profile.adversarial_from + 1 < profile.epochs


def test_four_small_generators_cost_what_the_joint_one_costs():
    joint = generator_profile(GeneratorProfileName.SMALL, Target.JOINT)
    singles = [generator_profile(GeneratorProfileName.SMALL, target) for target in Target if target is not Target.JOINT]
    assert sum(single.epochs * single.steps_per_epoch for single in singles) == joint.epochs * joint.steps_per_epoch
