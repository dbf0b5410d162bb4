"""The pipeline's inference interface on torch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch

from imaging.pipeline.predictor import Slices
from imaging.regions import Region
from training.checkpoint import TrainedModel


class TorchPredictor:
    """Runs trained networks in float32, on a GPU if there is one. Implements `imaging.pipeline.predictor.Predictor`."""

    def __init__(self, models: Mapping[Region, TrainedModel]) -> None:
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._nets = {region: model.net.to(self._device) for region, model in models.items()}

    def predict(self, region: Region, slices: Slices) -> npt.NDArray[np.float32]:
        """Probabilities `float32 [slice, i, j]` of slices `[slice, channel, i, j]`."""
        shown = np.ascontiguousarray(slices, dtype=np.float32)
        with torch.inference_mode():
            logits = self._nets[region](torch.from_numpy(shown).to(self._device))
            probabilities: npt.NDArray[np.float32] = torch.sigmoid(logits)[:, 0].cpu().numpy()
        return probabilities
