import numpy as np
import pytest
import torch
from torch.nn import functional

from imaging.brainmap.encode import MapChannels
from imaging.brainmap.maps import BANDS, Lesion
from imaging.modality import Modality
from training.errors import TrainingError
from training.synthesis.generator import NOISY, ChannelNorm, Generator
from training.synthesis.profiles import GeneratorProfileName, Target, generator_profile

WIDTHS = (6, 6, 5, 4)
SIZE = 32


def random_slices(*, count=3, size=SIZE, radius=12, seed=0):
    """Slices of a round brain: bands of each contrast by chance, a square of tumour parts by chance."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((size, size)) - (size - 1) / 2
    brain = rows**2 + columns**2 <= radius**2
    shape = (count, size, size)
    bands = {m: np.where(brain, rng.integers(1, BANDS + 1, shape), 0).astype(np.uint8) for m in Modality}
    lesion = np.zeros(shape, dtype=np.uint8)
    middle = slice(size // 2 - 4, size // 2 + 4)
    lesion[:, middle, middle] = rng.integers(1, len(Lesion), (count, 8, 8))
    return bands, lesion


def generator(target, *, widths=WIDTHS, push=0.0, seed=0):
    """Random weights; a push on the last layer's bias drives every voxel dark or bright."""
    torch.manual_seed(seed)
    net = Generator(target.channels, target.draws, widths).eval()
    with torch.no_grad():
        net.head.bias += push
    return net


def draw(net, channels, bands, lesion):
    with torch.no_grad():
        return net(torch.from_numpy(channels.encode(bands, lesion)).float()).numpy()


def test_channel_norm_by_its_formula_at_any_size():
    norm = ChannelNorm(5)
    torch.manual_seed(0)
    with torch.no_grad():
        norm.weight.normal_()
        norm.bias.normal_()
    features = torch.randn(2, 5, 6, 7) * 3 + 1
    spread = features.var(dim=1, keepdim=True, unbiased=False)
    expected = (features - features.mean(dim=1, keepdim=True)) / (spread + 1e-5).sqrt()
    expected = expected * norm.weight.view(1, -1, 1, 1) + norm.bias.view(1, -1, 1, 1)
    torch.testing.assert_close(norm(features), expected)
    assert torch.equal(norm(functional.pad(features, (3, 9, 0, 4)))[:, :, :6, 3:10], norm(features))


@pytest.mark.parametrize("target", Target)
def test_the_papers_components_see_the_map_from_4_to_256(target):
    widths = generator_profile(GeneratorProfileName.PAPER, target).widths
    seen = []
    with torch.device("meta"):  # shapes alone
        net = Generator(target.channels, target.draws, widths).to("meta")
        for component in net.components:
            component.register_forward_pre_hook(lambda _, inputs: seen.append(tuple(inputs[0].shape)))
        drawn = net(torch.empty(1, target.channels.count, 256, 256))
    count = target.channels.count
    noise = [0] * (len(widths) - NOISY) + [1] * NOISY
    expected = [count] + [width + count + more for width, more in zip(widths[:-1], noise[1:], strict=True)]
    assert seen == [(1, channels, 4 * 2**n, 4 * 2**n) for n, channels in enumerate(expected)]
    assert len(seen) == 7
    assert net.multiple == 64
    assert drawn.shape == (1, len(target.draws), 256, 256)


@pytest.mark.parametrize("target", [Target.JOINT, Target.FLAIR])
def test_each_component_is_fed_the_map_at_its_own_resolution(target):
    net = generator(target)
    maps = torch.from_numpy(target.channels.encode(*random_slices())).float()
    fed = []
    for component in net.components:
        component.register_forward_pre_hook(lambda _, inputs: fed.append(inputs[0]))
    net(maps)
    for level, features in enumerate(reversed(fed)):
        expected = functional.avg_pool2d(maps, 2**level)
        end = features.shape[1] - (level < NOISY)
        torch.testing.assert_close(features[:, end - target.channels.count : end], expected)
    assert fed[0].shape[1] == target.channels.count


@pytest.mark.parametrize("target", [Target.JOINT, Target.T1CE])
@pytest.mark.parametrize("push", [-6.0, 0.0, 6.0])
def test_an_image_lies_in_the_quarter_that_its_own_contrasts_map_tells_and_is_0_outside(target, push):
    bands, lesion = random_slices()
    drawn = draw(generator(target, push=push), target.channels, bands, lesion)
    assert drawn.shape == (3, len(target.draws), SIZE, SIZE)
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    told = lesion == Lesion.NONE if target is not Target.JOINT else np.ones_like(lesion, dtype=bool)
    for index, contrast in enumerate(target.draws):
        image, band = drawn[:, index], bands[contrast].astype(int)
        assert not image[band == 0].any()
        here = (band > 0) & told
        within = image[here] * BANDS - (band[here] - 1)
        assert within.min() >= -1e-5
        assert within.max() <= 1 + 1e-5
        assert np.median(within) == pytest.approx({-6.0: 0.0, 0.0: 0.5, 6.0: 1.0}[push], abs=0.3)


def test_where_no_band_is_told_the_whole_range_is_possible():
    bands, lesion = random_slices()
    tumour = lesion != Lesion.NONE
    dark, bright = (draw(generator(Target.T2, push=push), Target.T2.channels, bands, lesion) for push in (-9.0, 9.0))
    assert dark[:, 0][tumour].max() < 0.05
    assert bright[:, 0][tumour].min() > 0.95
    joint = draw(generator(Target.JOINT, push=9.0), Target.JOINT.channels, bands, lesion)
    lowest = tumour & (bands[Modality.T2] == 1)
    assert lowest.any()
    assert joint[:, 2][lowest].max() <= 0.25 + 1e-6


def test_a_contrast_whose_bands_are_not_seen_has_the_whole_range_everywhere():
    channels = MapChannels((Modality.T1,), bands_in_lesion=True)
    torch.manual_seed(0)
    net = Generator(channels, (Modality.T2,), WIDTHS)
    with torch.no_grad():
        net.head.bias += 9.0
    bands, lesion = random_slices()
    drawn = draw(net, channels, bands, lesion)
    assert drawn[:, 0][bands[Modality.T1] > 0].min() > 0.95
    assert not drawn[:, 0][bands[Modality.T1] == 0].any()


def test_more_background_around_a_slice_changes_nothing_in_it():
    # Four components see about 28 voxels far: here the frame's own edge is farther than that from the brain.
    bands, lesion = random_slices(size=96, radius=9)
    net = generator(Target.JOINT)
    for name, noise in net.named_buffers():
        if name.startswith("noise"):  # which lies still in the frame
            noise.zero_()
    tight = draw(net, Target.JOINT.channels, bands, lesion)
    around = ((0, 0), (16, 32), (8, 24))  # multiples of the coarsest component's voxel
    wide = draw(
        net, Target.JOINT.channels, {m: np.pad(array, around) for m, array in bands.items()}, np.pad(lesion, around)
    )
    np.testing.assert_allclose(wide[:, :, 16:112, 8:104], tight, atol=1e-6)


def test_every_parameter_learns_and_weights_hold_no_tables():
    net = generator(Target.JOINT).train()
    net(torch.from_numpy(Target.JOINT.channels.encode(*random_slices())).float()).sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in net.parameters())
    noise = {f"noise_{level}" for level in range(NOISY)}
    assert set(net.state_dict()) == {name for name, _ in net.named_parameters()} | noise


def test_the_same_map_always_gives_the_same_image_and_noise_is_what_texture_is_made_of():
    bands, lesion = random_slices()
    one, other = (draw(generator(Target.JOINT), Target.JOINT.channels, bands, lesion) for _ in range(2))
    np.testing.assert_array_equal(one, other)
    net = generator(Target.JOINT)
    net.get_buffer("noise_0").neg_()
    assert not np.array_equal(draw(net, Target.JOINT.channels, bands, lesion), one)


def test_too_few_components_are_refused():
    with pytest.raises(TrainingError, match="widths: must be of more than 3 components, got 3"):
        Generator(Target.T1.channels, Target.T1.draws, (4, 4, 4))
