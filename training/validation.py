"""A network's loss and DSC on whole validation patients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from lightning_fabric import Fabric
from torch import nn

from imaging.pipeline.plan import MULTIPLE
from imaging.pipeline.segment import WINDOW_MARGIN
from imaging.preprocess.box import Box
from imaging.preprocess.prepare import from_slices
from imaging.regions import Region
from training.cache import CachedCase
from training.losses import Loss
from training.profiles import CHANNELS
from training.sampling import select_channels

BATCH = 16


@dataclass(frozen=True)
class ValidationScore:
    """Means over patients.

    Args:
        loss: The training loss of each patient's whole volume.
        dsc: Of the thresholded answer, before any gating; patients without the region are left out.
    """

    loss: float
    dsc: float


def validate(
    net: nn.Module, fabric: Fabric, cases: Sequence[CachedCase], region: Region, loss: Loss
) -> ValidationScore:
    """Score a network on all slices of each patient.

    Each is asked for the slices that the pipeline would ask it for, see `asked_slices`.
    """
    losses, scores = [], []
    net.eval()
    with torch.no_grad():
        for case in cases:
            logits, target = [], []
            for slices, mask in asked_slices(case, region):
                inputs = select_channels(torch.from_numpy(slices), CHANNELS[region])
                logits.append(net(fabric.to_device(inputs)).float().cpu())
                target.append(torch.from_numpy(mask).unsqueeze(1))
            answer, truth = torch.cat(logits), torch.cat(target)
            losses.append(float(loss(answer, truth)))
            if truth.any():
                found = answer > 0
                overlap = 2.0 * float((found & (truth > 0)).sum())
                scores.append(overlap / float(found.sum() + truth.sum()))
    net.train()
    return ValidationScore(float(np.mean(losses)), float(np.mean(scores)) if scores else float("nan"))


def asked_slices(case: CachedCase, region: Region) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]:
    """What the pipeline asks a network for of a patient, in batches.

    TC and ET are asked only in the box of the reference WT with the cascade's margin, as the pipeline asks them.

    Yields:
        Z-scores `float32 [slice, modality, i, j]` and the region's mask `float32 [slice, i, j]`.
    """
    tumour = case.mask(Region.WT)
    box = Box((0, 0, 0), from_slices(tumour).shape)
    if region is not Region.WT and tumour.any():
        box = Box.around(from_slices(tumour), margin=WINDOW_MARGIN, multiple=MULTIPLE)
    i, j = slice(box.start[0], box.stop[0]), slice(box.start[1], box.stop[1])
    target = case.mask(region)
    for start in range(box.start[2], box.stop[2], BATCH):
        k = slice(start, min(start + BATCH, box.stop[2]))
        yield case.slices[k, :, i, j].astype(np.float32), target[k, i, j].astype(np.float32)
