"""The inference interface: all that the pipeline knows of an engine."""

from __future__ import annotations

from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from imaging.pipeline.plan import ModelPlan
from imaging.regions import Region

Slices: TypeAlias = npt.NDArray[np.float16 | np.float32]
"""A micro-batch, `[slice, channel, i, j]`. The pipeline shows float16, as which the served networks take slices."""


class Predictor(Protocol):
    """Runs one region's network on a micro-batch of slices. Called from worker threads, must be thread-safe."""

    def predict(self, region: Region, slices: Slices) -> npt.NDArray[np.float32]:
        """Probabilities of a region.

        Args:
            region: Which network.
            slices: `[slice, channel, i, j]`, z-scored, the region's channels in its plan's order, `i` and `j` multiples
                of 16.

        Returns:
            Probabilities, `float32 [slice, i, j]`, 0 to 1.
        """
        ...


def ask(predictor: Predictor, plan: ModelPlan, slices: Slices) -> npt.NDArray[np.float32]:
    """Probabilities as a plan wants them: of the slices alone, or averaged with those of their mirror images.

    Args:
        predictor: Runs the network. Mirror images go with the slices in one call, which has then twice as many.
        plan: Of the region.
        slices: `[slice, channel, i, j]`, as `Predictor.predict` takes them.

    Returns:
        `float32 [slice, i, j]`, 0 to 1.
    """
    if not plan.mirror:
        return predictor.predict(plan.region, slices)
    both = predictor.predict(plan.region, np.concatenate([slices, slices[:, :, ::-1]]))
    as_is, mirrored = np.split(both, 2)
    average: npt.NDArray[np.float32] = (as_is + mirrored[:, ::-1]) * np.float32(0.5)
    return average
