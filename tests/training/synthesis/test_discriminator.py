import pytest
import torch

from training.synthesis.discriminator import DETAIL_WIDTH, PatchDiscriminator


@pytest.fixture
def critic():
    torch.manual_seed(0)
    return PatchDiscriminator(map_channels=3, contrasts=2, width=4)


def slices(size, *, seed=0):
    """A map's channels and an image."""
    rng = torch.Generator().manual_seed(seed)
    return torch.rand(1, 3, size, size, generator=rng), torch.rand(1, 2, size, size, generator=rng)


def extent(gradient):
    rows, columns = (gradient.abs().sum(dim=(0, 1, other)).nonzero().flatten() for other in (3, 2))
    return (rows[-1] - rows[0] + 1).item(), (columns[-1] - columns[0] + 1).item()


def test_scores_are_of_overlapping_patches_46_pixels_wide(critic):
    maps, images = (part.requires_grad_() for part in slices(128))
    scores = critic(maps, images)
    assert scores.shape == (1, 1, 15, 15)
    scores[0, 0, 7, 7].backward()
    assert extent(maps.grad) == (46, 46)
    # Detail is what differs from the shades around it, so of the image a little more is seen.
    assert extent(images.grad) == (46 + DETAIL_WIDTH - 1,) * 2


def test_the_map_is_judged_with_the_image(critic):
    maps, images = slices(64)
    assert not torch.allclose(critic(maps, images), critic(maps.flip(2), images))
    assert not torch.allclose(critic(maps, images), critic(maps, images.flip(2)))


def test_texture_is_seen_much_better_than_shade(critic):
    maps, _ = slices(64)
    flat = torch.full((1, 2, 64, 64), 0.5)
    inside = (slice(None), slice(None), slice(2, -2), slice(2, -2))  # patches that do not see the frame's edge
    known = critic(maps, flat)[inside]
    shade = (critic(maps, flat + 0.02)[inside] - known).abs().mean()
    texture = critic(maps, flat + 0.02 * torch.randn(flat.shape, generator=torch.Generator().manual_seed(1)))[inside]
    assert (texture - known).abs().mean() > 2 * shade


def test_nothing_but_learned_weights_makes_its_state(critic):
    assert set(critic.state_dict()) == {name for name, _ in critic.named_parameters()}
    state = {name: weights.clone() for name, weights in critic.state_dict().items()}
    maps, images = slices(64)
    first = critic.train()(maps, images)
    assert torch.equal(critic.eval()(maps, images), first)
    assert all(torch.equal(weights, state[name]) for name, weights in critic.state_dict().items())
