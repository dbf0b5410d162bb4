import json
import logging
from dataclasses import replace

import numpy as np
import pytest
import torch

from training.synthesis import loop
from training.synthesis.data import PairSource
from training.synthesis.loop import GeneratorTrainer
from training.synthesis.losses import ADVERSARIAL, IMAGE, total_loss
from training.synthesis.plan import GeneratorFolder
from training.synthesis.profiles import GeneratorProfileName, Target, generator_profile

TINY = replace(
    generator_profile(GeneratorProfileName.SMOKE, Target.T1),
    widths=(4, 4, 4, 4),
    steps_per_epoch=1,
    image_share=2.0,
    perceptual_share=0.3,
)


@pytest.fixture
def trainer(fabric, small_vgg, tmp_path):
    """Makes a trainer of tiny networks with changed settings."""

    def make(**changes):
        return GeneratorTrainer(
            Target.T1,
            replace(TINY, **changes),
            vgg=small_vgg,
            fabric=fabric,
            folder=GeneratorFolder(tmp_path / "generator"),
            seed=1,
        )

    return make


def source_of(trainer, pairs):
    target = trainer._target
    return PairSource(pairs, target.channels, target.draws, trainer._profile, seed=1)


def test_weights_are_adapted_every_so_many_epochs_and_when_the_discriminator_joins(trainer, pairs, caplog, monkeypatch):
    for drawing in ("draw_generator_curves", "draw_samples"):
        monkeypatch.setattr(loop, drawing, lambda *_, **__: None)
    one = trainer(epochs=5, adapt_every=4, adversarial_from=1)
    with caplog.at_level(logging.INFO, logger="training.synthesis.loop"):
        one.run(pairs[:4], pairs[4:])
    history = json.loads(one._folder.history.read_text())
    assert [record["adapted"] for record in history] == [True, False, True, False, True]
    told = [record.getMessage() for record in caplog.records if "weights adapted" in record.getMessage()]
    assert [line.split(":")[0] for line in told] == [f"t1 epoch {number}" for number in (1, 3, 5)]
    for line, epoch in zip(told, (0, 2, 4), strict=True):
        for name, weight in history[epoch]["weights"].items():
            assert f"{name} {weight:.3g}" in line
    assert history[1]["weights"] == history[0]["weights"] != history[2]["weights"]
    assert history[3]["weights"] == history[2]["weights"] != history[4]["weights"]
    # The discriminator learns for an epoch before the generator pays for its opinion, and keeps its share till then.
    assert [record["discriminator_loss"] is not None for record in history] == [False, True, True, True, True]
    assert [ADVERSARIAL in record["terms"] for record in history] == [False, False, True, True, True]
    assert history[1]["weights"][ADVERSARIAL] == TINY.adversarial_share != history[2]["weights"][ADVERSARIAL]
    assert all(record["terms"][IMAGE] > 0 for record in history)


@pytest.mark.parametrize("epoch", [0, 4])
def test_each_terms_weighted_pull_at_the_image_has_its_share(trainer, pairs, epoch):
    one = trainer(epochs=8, adapt_every=4)
    source = source_of(one, pairs)
    pulls = one._gradient_norms(epoch, source)
    assert one._gradient_norms(epoch, source) == pulls
    assert one._adapt(epoch, source)
    shares = {IMAGE: 2.0, "perceptual_1": 0.3, **({ADVERSARIAL: 0.5} if epoch else {})}
    assert set(pulls) == set(shares)
    weights = one._balance.weights
    assert {name: weights[name] * pulls[name] / (weights[IMAGE] * pulls[IMAGE]) for name in shares} == pytest.approx(
        {name: share / 2.0 for name, share in shares.items()}
    )


def test_a_pull_is_the_norm_of_the_terms_gradient(trainer, pairs, monkeypatch):
    one = trainer(epochs=8)
    maps, real = next(iter(source_of(one, pairs).epoch(0)))
    pulled = one._gradient_norms(0, source_of(one, pairs))[IMAGE]
    # Each of n intensities that differs pulls with 1 / n; those outside the brain do not differ.
    assert pulled == pytest.approx(real.numel() ** -0.5 * (maps.amax(dim=1).mean().item() ** 0.5), rel=0.3)
    monkeypatch.setattr(one, "_terms", lambda *given: {IMAGE: 3.0 * given[2].sum()})
    assert one._gradient_norms(0, source_of(one, pairs))[IMAGE] == pytest.approx(3.0 * real.numel() ** 0.5)


def test_the_generators_loss_teaches_the_generator_alone(trainer, pairs):
    one = trainer(epochs=8)
    maps, real = next(iter(source_of(one, pairs).epoch(0)))
    terms = one._terms(maps, real, one._generator(maps), np.random.default_rng(0), epoch=1)
    assert ADVERSARIAL in terms
    total_loss(terms, one._balance.weights).backward()
    assert all(parameter.grad is not None for parameter in one._generator.parameters())
    assert all(parameter.grad is None for parameter in one._critic.parameters())
    assert all(parameter.requires_grad for parameter in one._critic.parameters())


def test_the_discriminators_loss_teaches_the_discriminator_alone(trainer, pairs):
    one = trainer(epochs=8)
    maps, real = next(iter(source_of(one, pairs).epoch(0)))
    before = [parameter.detach().clone() for parameter in one._critic.parameters()]
    losses = [one._teach_critic(maps, real, one._generator(maps).detach()) for _ in range(30)]
    assert losses[-1] < losses[0]
    assert not any(torch.equal(old, new) for old, new in zip(before, one._critic.parameters(), strict=True))
    assert all(parameter.grad is None for parameter in one._generator.parameters())


def test_what_is_compared_is_the_same_place_and_contrast_of_both(trainer):
    one = trainer(epochs=8, perceptual_patch=8, perceptual_contrasts=2)
    images = torch.arange(2 * 4 * 16 * 24, dtype=torch.float32).view(2, 4, 16, 24)
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(20):
        synthetic, real = one._perceived(images, images + 10_000, rng)
        assert synthetic.shape == (2 * 2, 1, 8, 8)
        assert torch.equal(synthetic + 10_000, real)
        seen.add(synthetic[0, 0, 0, 0].item())
    assert len(seen) > 10
    whole, _ = trainer(epochs=8, perceptual_patch=None, perceptual_contrasts=4)._perceived(images, images, rng)
    assert sorted(whole.flatten().tolist()) == images.flatten().tolist()


def test_rates_stand_for_half_of_the_epochs_and_then_fall(trainer):
    one = trainer(epochs=6, learning_rate=0.4, discriminator_learning_rate=0.8)
    rates = []
    for epoch in range(6):
        one._set_rates(epoch)
        rates.append([optimizer.param_groups[0]["lr"] for optimizer in (one._optimizer, one._critic_optimizer)])
    assert [rate for rate, _ in rates] == pytest.approx([0.4, 0.4, 0.4, 0.3, 0.2, 0.1])
    assert [rate for _, rate in rates] == pytest.approx([0.8, 0.8, 0.8, 0.6, 0.4, 0.2])


def test_a_generator_learns_the_image_it_is_shown(trainer, pairs):
    one = trainer(epochs=8, adversarial_from=9, learning_rate=5e-3)
    maps, real = next(iter(source_of(one, pairs).epoch(0)))
    rng = np.random.default_rng(0)
    errors = [one._step(maps, real, rng, 0)[0][IMAGE] for _ in range(40)]
    assert errors[-1] < 0.8 * errors[0]
