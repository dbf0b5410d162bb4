"""What every engine does alike: find the network that is meant, and let it answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt

from imaging.brain.plan import BrainStep
from imaging.pipeline.predictor import Slices
from imaging.regions import Region
from serving.errors import EngineRequestError
from serving.inference.catalog import ModelCatalog
from serving.inference.networks import Batch, ServedModel, ServedNetwork


class CatalogRunner(ABC):
    """The three questions of `InferenceEngine`, all answered by `_run`.

    All raise what `_run` raises.
    """

    catalog: ModelCatalog
    """What it serves; set by the engine that derives from this."""

    @abstractmethod
    def _run(self, network: ServedNetwork, batch: Batch) -> npt.NDArray[Any]:
        """A network's answer to a micro-batch, both checked.

        Raises:
            EngineRequestError: The batch does not fit the network.
            EngineUnavailableError: The engine does not answer, or `close` was called.
            EngineBusyError: The engine's queue is full.
            EngineDeadlineError: It did not answer in time.
            EngineAnswerError: The network failed, or its answer is none.
        """

    def predict(self, region: Region, slices: Slices) -> npt.NDArray[np.float32]:
        """Probabilities of a region, as of `imaging.pipeline.predictor.Predictor`; in float16 on their way."""
        answer: npt.NDArray[np.float16] = self._run(self.catalog[region], _halved(self.catalog[region], slices))
        return answer.astype(np.float32)

    def draw(self, generator: str, maps: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Images of brain maps, as of `InferenceEngine.draw`.

        Raises:
            UnknownGeneratorError: The generator is not served.
        """
        return self._run(self.catalog.generator(generator), maps)

    def find_brain(self, step: BrainStep, volume: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Probabilities of brain, as of `imaging.brain.extract.BrainNetwork`.

        Raises:
            ModelRepositoryError: Brain extraction is not served.
        """
        answer: npt.NDArray[np.uint8] = self._run(self.catalog.brain_step(step), volume[np.newaxis])[0]
        return answer


def _halved(model: ServedModel, slices: Slices) -> npt.NDArray[np.float16]:
    """The slices in the network's own type, whose limit lies far beyond that of z-scores."""
    if slices.dtype not in {np.dtype(np.float16), np.dtype(np.float32)}:
        raise EngineRequestError(model.name, f"{model.input_name} must be float16 or float32", f"{slices.dtype}")
    try:
        with np.errstate(over="raise"):
            return slices.astype(np.float16, copy=False)
    except FloatingPointError:
        limit = f"{np.finfo(np.float16).max:.0f}"
        raise EngineRequestError(model.name, f"{model.input_name} must be at most {limit}", "larger ones") from None
