import pytest
import torch

from training.augment import change_intensities, deform, flip_left_right


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def batch():
    slices = torch.zeros(8, 4, 64, 48)
    slices[:, :, 10:50, 8:40] = torch.randn(8, 4, 40, 32, generator=generator(1)) + 0.5
    target = torch.zeros(8, 1, 64, 48)
    target[:, :, 20:32, 14:26] = 1
    return slices, target


def test_flips_mirror_slice_and_target_together_and_about_half_of_them(batch):
    slices, target = batch
    flipped, moved = flip_left_right(slices.repeat(25, 1, 1, 1), target.repeat(25, 1, 1, 1), generator())
    count = 0
    for index in range(200):
        one, its = slices[index % 8], target[index % 8]
        if torch.equal(flipped[index], one.flip(1)):
            assert torch.equal(moved[index], its.flip(1))
            count += 1
        else:
            assert torch.equal(flipped[index], one)
            assert torch.equal(moved[index], its)
    assert 60 < count < 140


def test_deformation_keeps_the_target_binary_on_what_it_marks(batch):
    _, target = batch
    marked = target.repeat(1, 4, 1, 1)
    slices, moved = deform(marked, target, generator())
    assert set(moved.unique().tolist()) <= {0.0, 1.0}
    assert ((slices[:, :1] > 0.5) == (moved > 0.5)).all()
    ratio = moved.sum(dim=(1, 2, 3)) / target.sum(dim=(1, 2, 3))
    assert (ratio > 0.4).all()
    assert (ratio < 2.2).all()
    assert not torch.equal(moved, target)


def test_intensities_change_inside_the_brain_only(batch):
    slices, _ = batch
    changed = change_intensities(slices, generator())
    assert not changed[(slices == 0).all(dim=1, keepdim=True).expand_as(slices)].any()
    assert not torch.equal(changed, slices)
    assert changed.isfinite().all()


def test_chance_is_the_generators(batch):
    slices, target = batch
    for change in (lambda g: flip_left_right(slices, target, g)[0], lambda g: deform(slices, target, g)[0]):
        assert torch.equal(change(generator(5)), change(generator(5)))
    assert torch.equal(change_intensities(slices, generator(5)), change_intensities(slices, generator(5)))
    assert not torch.equal(change_intensities(slices, generator(5)), change_intensities(slices, generator(6)))
