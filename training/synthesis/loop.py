"""Training of one generator against its two judges, resumable at every epoch."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict
from itertools import islice
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from rich.progress import track
from skimage.metrics import structural_similarity
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from imaging.modality import Modality
from training.files import save_atomically, write_text_atomically
from training.synthesis.balance import Balance
from training.synthesis.data import WHITE, MapPairs, PairSource, place
from training.synthesis.discriminator import PatchDiscriminator
from training.synthesis.generator import Generator
from training.synthesis.losses import (
    ADVERSARIAL,
    IMAGE,
    adversarial_loss,
    discriminator_loss,
    image_loss,
    perceptual_losses,
    term_names,
    total_loss,
)
from training.synthesis.plan import GeneratorFolder
from training.synthesis.profiles import GeneratorProfile, Target
from training.synthesis.records import GeneratorRecord, draw_generator_curves, draw_samples
from training.synthesis.vgg import Vgg19

VALIDATION_SLICES = 4
"""Slices of each validation patient that SSIM is watched on, evenly spread."""

PROBES = 4
"""Batches by which the pull of each term is measured."""

log = logging.getLogger(__name__)


class GeneratorTrainer:
    """Trains one generator.

    Args:
        target: Which.
        profile: Settings.
        vgg: The first judge.
        fabric: Device and precision.
        folder: Where weights, state and history go; an unfinished training found there is continued.
        seed: Of initialisation and of all chance.
    """

    def __init__(
        self,
        target: Target,
        profile: GeneratorProfile,
        *,
        vgg: Vgg19,
        fabric: Fabric,
        folder: GeneratorFolder,
        seed: int,
    ) -> None:
        self._target = target
        self._profile = profile
        self._fabric = fabric
        self._folder = folder
        self._seed = seed
        self._vgg = vgg.to(fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # in stubs
        torch.manual_seed(seed)
        generator = Generator(target.channels, target.draws, profile.widths)
        critic = PatchDiscriminator(target.channels.count, len(target.draws), profile.discriminator_width)
        for net in (generator, critic):
            net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs
        betas = (0.5, 0.99)
        self._generator, self._optimizer = fabric.setup(
            generator, torch.optim.Adam(generator.parameters(), lr=profile.learning_rate, betas=betas)
        )
        self._critic, self._critic_optimizer = fabric.setup(
            critic, torch.optim.Adam(critic.parameters(), lr=profile.discriminator_learning_rate, betas=betas)
        )
        self._average = AveragedModel(
            self._generator.module,
            multi_avg_fn=get_ema_multi_avg_fn(profile.average_decay),  # type: ignore[no-untyped-call]
        )
        self._balance = Balance.start(self._shares())
        self._records: list[GeneratorRecord] = []
        self._resume()

    def run(self, train: Sequence[MapPairs], validation: Sequence[MapPairs]) -> None:
        """Train until the profile's last epoch."""
        self._folder.path.mkdir(parents=True, exist_ok=True)
        source = PairSource(train, self._target.channels, self._target.draws, self._profile, seed=self._seed)
        for epoch in range(len(self._records), self._profile.epochs):
            self._epoch(epoch, source, validation)

    def _shares(self) -> dict[str, float]:
        own = {IMAGE: self._profile.image_share, ADVERSARIAL: self._profile.adversarial_share}
        return {name: own.get(name, self._profile.perceptual_share) for name in term_names(self._vgg.blocks)}

    def _epoch(self, epoch: int, source: PairSource, validation: Sequence[MapPairs]) -> None:
        started = time.perf_counter()
        rng = np.random.default_rng([self._seed, epoch, 1])
        adapted = self._adapt(epoch, source)
        self._set_rates(epoch)
        sums: dict[str, float] = {}
        critic_losses = []
        batches = track(
            source.epoch(epoch),
            description=f"{self._target.value} epoch {epoch + 1}/{self._profile.epochs}",
            total=self._profile.steps_per_epoch,
            transient=True,
        )
        for maps, images in batches:
            terms, critic_loss = self._step(self._placed(maps), self._placed(images), rng, epoch)
            for name, term in terms.items():
                sums[name] = sums.get(name, 0.0) + term
            if critic_loss is not None:
                critic_losses.append(critic_loss)
        means = {name: value / self._profile.steps_per_epoch for name, value in sums.items()}
        self._finish(
            GeneratorRecord(
                epoch=epoch,
                terms=means,
                weights=dict(self._balance.weights),
                adapted=adapted,
                discriminator_loss=float(np.mean(critic_losses)) if critic_losses else None,
                validation_ssim=self._validate(validation),
                seconds=time.perf_counter() - started,
            )
        )

    def _placed(self, batch: Tensor) -> Tensor:
        moved: Tensor = self._fabric.to_device(batch)
        return moved.contiguous(memory_format=torch.channels_last)

    def _step(
        self, maps: Tensor, real: Tensor, rng: np.random.Generator, epoch: int
    ) -> tuple[dict[str, float], float | None]:
        synthetic = self._generator(maps)
        taught = epoch >= self._profile.adversarial_from
        critic_loss = self._teach_critic(maps, real, synthetic.detach()) if taught else None
        terms = self._terms(maps, real, synthetic, rng, epoch)
        self._optimizer.zero_grad(set_to_none=True)
        self._fabric.backward(total_loss(terms, self._balance.weights))
        self._fabric.clip_gradients(self._generator, self._optimizer, max_norm=5.0)
        self._optimizer.step()
        self._average.update_parameters(self._generator.module)
        return {name: term.item() for name, term in terms.items()}, critic_loss

    def _terms(
        self, maps: Tensor, real: Tensor, synthetic: Tensor, rng: np.random.Generator, epoch: int
    ) -> dict[str, Tensor]:
        """The terms of the generator's loss that count in this epoch, unweighted."""
        one, other = self._perceived(synthetic, real, rng)
        with self._fabric.autocast():
            perceived = perceptual_losses(self._vgg, one, other)
        terms = {IMAGE: image_loss(synthetic, real), **perceived}
        # The discriminator learns for an epoch before the generator pays for its opinion.
        if epoch > self._profile.adversarial_from:
            self._critic.requires_grad_(requires_grad=False)
            terms[ADVERSARIAL] = adversarial_loss(self._critic(maps, synthetic))
            self._critic.requires_grad_(requires_grad=True)
        return terms

    def _teach_critic(self, maps: Tensor, real: Tensor, synthetic: Tensor) -> float:
        loss = discriminator_loss(self._critic(maps, real), self._critic(maps, synthetic))
        self._critic_optimizer.zero_grad(set_to_none=True)
        self._fabric.backward(loss)
        self._critic_optimizer.step()
        return float(loss.item())

    def _perceived(self, synthetic: Tensor, real: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """What VGG-19 compares now: some contrasts, in a square at one place, as grey images `[n, 1, i, j]`."""
        chosen = rng.permutation(real.shape[1])[: self._profile.perceptual_contrasts]
        rows, columns = real.shape[2:]
        side = self._profile.perceptual_patch
        if side is not None:
            row, column = int(rng.integers(rows - side + 1)), int(rng.integers(columns - side + 1))
            window = (slice(row, row + side), slice(column, column + side))
        else:
            window = (slice(None), slice(None))
        grey = [images[:, chosen][:, :, *window].flatten(0, 1).unsqueeze(1) for images in (synthetic, real)]
        return grey[0], grey[1]

    def _adapt(self, epoch: int, source: PairSource) -> bool:
        """Set the loss's weights anew every so many epochs, and when the discriminator joins; log each change."""
        joins = self._profile.adversarial_from + 1
        if epoch % self._profile.adapt_every and epoch != joins:
            return False
        self._balance = self._balance.adapted(self._gradient_norms(epoch, source))
        told = ", ".join(f"{name} {weight:.3g}" for name, weight in self._balance.weights.items())
        log.info("%s epoch %d: weights adapted to %s", self._target.value, epoch + 1, told)
        return True

    def _gradient_norms(self, epoch: int, source: PairSource) -> dict[str, float]:
        """How hard each term pulls at the synthetic image: mean norm of its gradient over some batches of their own."""
        rng = np.random.default_rng([self._seed, epoch, 2])
        norms: dict[str, list[float]] = {}
        for batch in islice(source.epoch(self._profile.epochs + epoch), PROBES):
            maps, real = (self._placed(part) for part in batch)
            with torch.no_grad():
                synthetic = self._generator(maps)
            synthetic.requires_grad_()
            for name, term in self._terms(maps, real, synthetic, rng, epoch).items():
                synthetic.grad = None
                self._fabric.backward(term, retain_graph=True)
                norms.setdefault(name, []).append(0.0 if synthetic.grad is None else float(synthetic.grad.norm()))
        return {name: float(np.mean(values)) for name, values in norms.items()}

    def _set_rates(self, epoch: int) -> None:
        """Constant, then falling linearly towards zero over the second half."""
        half = self._profile.epochs / 2
        share = 1.0 if epoch < half else (self._profile.epochs - epoch) / (half + 1)
        for optimizer, rate in (
            (self._optimizer, self._profile.learning_rate),
            (self._critic_optimizer, self._profile.discriminator_learning_rate),
        ):
            for group in optimizer.param_groups:
                group["lr"] = rate * share

    def _validate(self, validation: Sequence[MapPairs]) -> dict[str, float]:
        """Watch SSIM on a few slices of each validation patient, and leave samples of the first as a picture."""
        contrasts = self._target.draws
        rows = [tuple(Modality).index(contrast) for contrast in contrasts]
        similar: list[list[float]] = []
        for number, case in enumerate(validation):
            chosen = np.linspace(0, len(case.lesion) - 1, VALIDATION_SLICES + 2).round().astype(int)[1:-1]
            bands = {m: place(case.bands[chosen, row], self._profile.frame) for row, m in enumerate(Modality)}
            maps = self._target.channels.encode(bands, place(case.lesion[chosen], self._profile.frame))
            with torch.no_grad(), self._fabric.autocast():
                drawn = self._average.module(self._placed(torch.from_numpy(maps).float())).float().cpu().numpy()
            real = place(case.images[chosen][:, rows], self._profile.frame).astype(np.float32) / WHITE
            similar += [
                [float(structural_similarity(a, b, data_range=1.0)) for a, b in zip(one, other, strict=True)]
                for one, other in zip(real, drawn, strict=True)
            ]
            if number == 0:
                middle = len(chosen) // 2
                draw_samples(real[middle], drawn[middle], contrasts, self._folder.samples)
        means = np.mean(similar, axis=0)
        return {contrast.value: float(mean) for contrast, mean in zip(contrasts, means, strict=True)}

    def _finish(self, record: GeneratorRecord) -> None:
        """Record an epoch. The state is written last: a kill before it repeats the epoch, and no more."""
        self._records.append(record)
        history = [asdict(old) for old in self._records]
        write_text_atomically(self._folder.history, json.dumps(history, indent=1) + "\n")
        draw_generator_curves(self._records, self._folder.curves, title=f"Generator {self._target.value}")
        save_atomically(self._folder.weights, {"net": self._average.module.state_dict(), "epoch": record.epoch + 1})
        state = {
            "generator": self._generator.module.state_dict(),
            "critic": self._critic.module.state_dict(),
            "average": self._average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "critic_optimizer": self._critic_optimizer.state_dict(),
            "weights": dict(self._balance.weights),
            "records": history,
        }
        save_atomically(self._folder.state, state)
        pace = float(np.mean([old.seconds for old in self._records[-10:]]))
        log.info(
            "%s epoch %d/%d: L1 %.4f, validation SSIM %s, %.0f min left",
            self._target.value,
            record.epoch + 1,
            self._profile.epochs,
            record.terms[IMAGE],
            " ".join(f"{value:.3f}" for value in record.validation_ssim.values()),
            (self._profile.epochs - len(self._records)) * pace / 60,
        )

    def _resume(self) -> None:
        if not self._folder.state.exists():
            return
        state: dict[str, Any] = torch.load(self._folder.state, map_location=self._fabric.device, weights_only=True)
        self._generator.module.load_state_dict(state["generator"])
        self._critic.module.load_state_dict(state["critic"])
        self._average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._critic_optimizer.load_state_dict(state["critic_optimizer"])
        self._balance = Balance(self._balance.shares, state["weights"])
        self._records = [GeneratorRecord(**record) for record in state["records"]]
        log.info("%s: goes on after epoch %d", self._target.value, len(self._records))
