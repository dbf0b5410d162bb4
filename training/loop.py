"""Training of one network: epochs, validation, what is kept, resumable at every epoch."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from rich.progress import track
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from imaging.regions import Region
from training.cache import CachedCase
from training.curves import draw_curves
from training.files import save_atomically, write_text_atomically
from training.profiles import CHANNELS, Keep, Profile
from training.records import EpochRecord, NetFolder
from training.sampling import BatchSource
from training.unet import UNet
from training.validation import validate
from training.workers import share_of

WARM_UP = 0.05
"""Share of all steps in which the learning rate rises."""

log = logging.getLogger(__name__)


class Trainer:
    """Trains the network of one region.

    Where several processes train together (see `workers.py`), each keeps the same weights, and the first one writes.

    Args:
        region: The target.
        profile: Settings.
        fabric: Device and precision.
        folder: Where weights, state, history and curves go; an unfinished run found there is continued.
        start: Weights to start from, or None for random ones.
        seed: Of initialisation and of all chance.
    """

    def __init__(
        self,
        region: Region,
        profile: Profile,
        *,
        fabric: Fabric,
        folder: NetFolder,
        start: dict[str, torch.Tensor] | None,
        seed: int,
    ) -> None:
        self._region = region
        self._profile = profile
        self._fabric = fabric
        self._folder = folder
        self._seed = seed
        torch.manual_seed(seed)
        net = UNet(len(CHANNELS[region]), profile.base_width)
        if start is not None:
            net.load_state_dict(start)
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs
        optimizer = torch.optim.AdamW(net.parameters(), lr=profile.learning_rate, weight_decay=profile.weight_decay)
        self._net, self._optimizer = fabric.setup(net, optimizer)
        self._average = (
            AveragedModel(
                self._net.module,
                multi_avg_fn=get_ema_multi_avg_fn(profile.average_decay),  # type: ignore[no-untyped-call]
                use_buffers=True,
            )
            if profile.average_decay
            else None
        )
        self._records: list[EpochRecord] = []
        self._step = 0
        self._resume()

    def run(self, train: Sequence[CachedCase], validation: Sequence[CachedCase]) -> None:
        """Train until the profile's last epoch. Without validation patients the last epoch's weights are kept."""
        self._folder.path.mkdir(parents=True, exist_ok=True)
        source = BatchSource(train, self._region, self._profile, seed=self._seed, share=share_of(self._fabric))
        for epoch in range(len(self._records), self._profile.epochs):
            self._epoch(epoch, source, validation)

    def _epoch(self, epoch: int, source: BatchSource, validation: Sequence[CachedCase]) -> None:
        started = time.perf_counter()
        loss_function = self._profile.loss.function
        total = source.steps() * self._profile.epochs
        losses = []
        steps = track(
            source.epoch(epoch),
            description=f"{self._region.value} epoch {epoch + 1}/{self._profile.epochs}",
            total=source.steps(),
            transient=True,
            disable=not self._fabric.is_global_zero,
        )
        for slices, target in steps:
            rate = self._learning_rate(self._step, total)
            for group in self._optimizer.param_groups:
                group["lr"] = rate
            losses.append(self._learn(self._placed(slices), self._fabric.to_device(target)))
            self._step += 1
        last = epoch + 1 == self._profile.epochs
        score = None
        if validation and (last or (epoch + 1) % self._profile.validate_every == 0):
            with self._fabric.autocast():
                score = validate(self._candidate(), self._fabric, validation, self._region, loss_function)
        self._finish(
            EpochRecord(
                epoch=epoch,
                train_loss=self._mean(losses),
                learning_rate=rate,
                seconds=time.perf_counter() - started,
                validation_loss=None if score is None else score.loss,
                validation_dsc=None if score is None else score.dsc,
            )
        )

    def _mean(self, losses: Sequence[float]) -> float:
        """Over all batches, and over all workers."""
        mean = torch.tensor(np.mean(losses), dtype=torch.float64, device=self._fabric.device)
        return float(torch.as_tensor(self._fabric.all_reduce(mean, reduce_op="mean")))

    def _placed(self, batch: Tensor) -> Tensor:
        moved: Tensor = self._fabric.to_device(batch)
        return moved.contiguous(memory_format=torch.channels_last)

    def _learn(self, slices: Tensor, target: Tensor) -> float:
        """Learn from one batch; its loss before."""
        loss = self._profile.loss.function(self._net(slices), target)
        self._optimizer.zero_grad(set_to_none=True)
        self._fabric.backward(loss)
        self._fabric.clip_gradients(self._net, self._optimizer, max_norm=5.0)
        self._optimizer.step()
        if self._average is not None:
            self._average.update_parameters(self._net.module)
        return float(loss.item())

    def _learning_rate(self, step: int, total: int) -> float:
        """A linear warm-up, then half a cosine to zero."""
        peak, rising = self._profile.learning_rate, max(int(WARM_UP * total), 1)
        if step < rising:
            return peak * (step + 1) / rising
        return peak * 0.5 * (1.0 + math.cos(math.pi * (step - rising) / max(total - rising, 1)))

    def _is_kept(self, record: EpochRecord) -> bool:
        """Whether these weights replace those kept so far; the record is the last of the history."""
        losses = [old.validation_loss for old in self._records if old.validation_loss is not None]
        if self._profile.keep is Keep.LAST or not losses:
            return record.epoch + 1 == self._profile.epochs
        return record.validation_loss is not None and record.validation_loss < min(losses[:-1], default=math.inf)

    def _candidate(self) -> nn.Module:
        """The network whose weights are validated and may be kept."""
        module: nn.Module = self._average.module if self._average is not None else self._net.module
        return module

    def _finish(self, record: EpochRecord) -> None:
        """Record an epoch. All workers end it together, so that nobody reads what is not written yet."""
        self._records.append(record)
        if self._fabric.is_global_zero:
            self._write(record)
        self._fabric.barrier()

    def _write(self, record: EpochRecord) -> None:
        """Keep an epoch. The state is written last: a kill before it repeats the epoch, and no more."""
        if self._is_kept(record):
            save_atomically(self._folder.kept, {"net": self._candidate().state_dict(), "epoch": record.epoch})
        history = [asdict(old) for old in self._records]
        write_text_atomically(self._folder.history, json.dumps(history, indent=1) + "\n")
        draw_curves(self._records, self._folder.curves, title=f"U-Net {self._region.name}")
        state = {
            "net": self._net.module.state_dict(),
            "average": self._average.state_dict() if self._average is not None else None,
            "optimizer": self._optimizer.state_dict(),
            "step": self._step,
            "records": history,
        }
        save_atomically(self._folder.state, state)
        left = self._profile.epochs - len(self._records)
        pace = float(np.mean([old.seconds for old in self._records[-10:]]))
        log.info(
            "%s epoch %d/%d: loss %.4f, validation loss %s, DSC %s, %.0f min left",
            self._region.name,
            record.epoch + 1,
            self._profile.epochs,
            record.train_loss,
            "-" if record.validation_loss is None else f"{record.validation_loss:.4f}",
            "-" if record.validation_dsc is None else f"{record.validation_dsc:.4f}",
            left * pace / 60,
        )

    def _resume(self) -> None:
        if not self._folder.state.exists():
            return
        state: dict[str, Any] = torch.load(self._folder.state, map_location=self._fabric.device, weights_only=True)
        self._net.module.load_state_dict(state["net"])
        self._optimizer.load_state_dict(state["optimizer"])
        if self._average is not None:
            self._average.load_state_dict(state["average"])
        self._step = state["step"]
        self._records = [EpochRecord(**record) for record in state["records"]]
        log.info("%s: goes on after epoch %d", self._region.name, len(self._records))
