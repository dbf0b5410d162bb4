"""A served generator as a painter of brain maps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from imaging.brainmap.maps import BrainMapError
from imaging.modality import Modality
from serving.errors import UnknownGeneratorError
from serving.inference.engine import InferenceEngine
from serving.inference.networks import ServedGenerator
from serving.inference.opening import open_engine
from serving.settings import Settings

DEFAULT_GENERATOR = "joint"
"""It draws all four contrasts at once."""
LARGEST_SLICE = 256
"""Rows and columns that a generator can draw at most: its noise is no larger."""


class ServedPainter:
    """Paints by a generator that an engine serves. Implements `imaging.brainmap.draw.Painter`. Thread-safe.

    Args:
        engine: Serves it; its caller closes it.
        generator: What it is asked for by, e.g. `joint`.

    Raises:
        UnknownGeneratorError: It is not served, or does not draw every contrast.
    """

    def __init__(self, engine: InferenceEngine, generator: str = DEFAULT_GENERATOR) -> None:
        self.generator: ServedGenerator = engine.catalog.generator(generator)
        """Which generator paints."""
        if missing := [modality.value for modality in Modality if modality not in self.generator.plan.draws]:
            raise UnknownGeneratorError("generator", "must draw every contrast", f"one without {', '.join(missing)}")
        self.multiple = self.generator.plan.multiple
        self.micro_batch = self.generator.max_batch_size
        """Slices per call that suit the served generator, the most that it takes."""
        self._engine = engine

    def paint(
        self, bands: Mapping[Modality, npt.NDArray[np.uint8]], lesion: npt.NDArray[np.uint8]
    ) -> Mapping[Modality, npt.NDArray[np.float32]]:
        """Draw slices, at most `micro_batch` of them; see `imaging.brainmap.draw.Painter`.

        Raises:
            BrainMapError: A slice is larger than `LARGEST_SLICE`.
            ServingError: The engine failed, or takes no such slices.
        """
        if max(lesion.shape[1:]) > LARGEST_SLICE:
            rule = f"must have a brain that fits slices of {LARGEST_SLICE} x {LARGEST_SLICE}"
            raise BrainMapError("map", rule, f"slices of {lesion.shape[1]} x {lesion.shape[2]}")
        plan = self.generator.plan
        images = self._engine.draw(self.generator.target, plan.channels.encode(bands, lesion))
        return {modality: images[:, index] for index, modality in enumerate(plan.draws)}


@contextmanager
def open_painter(settings: Settings, generator: str = DEFAULT_GENERATOR) -> Iterator[ServedPainter]:
    """A painter over the engine of the settings; a Triton of our own is started for as long as the context lasts.

    Raises:
        UnknownGeneratorError: The generator is not served, or does not draw every contrast.
        ServingError: The engine could not be started, or does not answer as at export.
    """
    with open_engine(settings) as engine:
        yield ServedPainter(engine, generator)
