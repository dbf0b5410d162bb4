"""The inference interface: all that the pipeline knows of an engine."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from imaging.pipeline.plan import ModelPlan
from imaging.regions import Region


class Predictor(Protocol):
    """Runs one region's network on a micro-batch of slices. Called from worker threads, must be thread-safe."""

    def predict(self, region: Region, slices: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Probabilities of a region.

        Args:
            region: Which network.
            slices: `float32 [slice, channel, i, j]`, z-scored, the region's channels in its plan's order,
                `i` and `j` multiples of 16.

        Returns:
            Probabilities, `float32 [slice, i, j]`, 0 to 1.
        """
        ...


def ask(predictor: Predictor, plan: ModelPlan, slices: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Probabilities as a plan wants them: of the slices alone, or averaged with those of their mirror images.

    Args:
        predictor: Runs the network.
        plan: Of the region.
        slices: `float32 [slice, channel, i, j]`, as `Predictor.predict` takes them.

    Returns:
        `float32 [slice, i, j]`, 0 to 1.
    """
    probabilities = predictor.predict(plan.region, slices)
    if not plan.mirror:
        return probabilities
    mirrored = predictor.predict(plan.region, np.ascontiguousarray(slices[:, :, ::-1]))
    average: npt.NDArray[np.float32] = (probabilities + mirrored[:, ::-1]) * np.float32(0.5)
    return average
