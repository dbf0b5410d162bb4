"""The networks that an engine serves: U-Nets that segment, generators that draw."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from imaging.brainmap.golden import golden_maps
from imaging.brainmap.plan import GeneratorPlan
from imaging.pipeline.golden import GoldenAnswer, golden_slices
from imaging.pipeline.plan import ModelPlan
from imaging.regions import Region
from serving.errors import ModelRepositoryError

Batch = npt.NDArray[np.float32] | npt.NDArray[np.uint8]
"""A micro-batch: z-scored slices, or maps."""
GENERATOR_PREFIX = "generator_"
"""Of the names of generators in the model repository; what it draws follows, e.g. `generator_joint`."""


@dataclass(frozen=True, kw_only=True)
class ServedNetwork(ABC):
    """One network as it is served.

    Args:
        name: Its name in the model repository.
        version: Its version there, e.g. `1`.
        sha256: Digest of its `model.onnx`, lower-case hexadecimal.
        golden: How it must answer its golden input.
        max_batch_size: Most slices that one call may hold.
        threads: Of one run, where its answer's last bits depend on them; None leaves it to the engine.

    Raises:
        ModelRepositoryError: The parts contradict each other.
    """

    input_name: ClassVar[str]
    """Its only input, `[slice, channel, i, j]`."""
    input_type: ClassVar[type[np.float32 | np.uint8]]
    """Of its input."""
    output_name: ClassVar[str]
    """Its only output, `float32`."""

    name: str
    version: str
    sha256: str
    golden: GoldenAnswer
    max_batch_size: int
    threads: int | None = None

    def __post_init__(self) -> None:
        if len(self.sha256) != 64 or set(self.sha256) - set("0123456789abcdef"):
            raise ModelRepositoryError(self.name, "must state onnx_sha256 as 64 lower-case hex digits", self.sha256)
        if self.max_batch_size < 1:
            raise ModelRepositoryError(self.name, "must have a max_batch_size of 1 or more", f"{self.max_batch_size}")

    @property
    @abstractmethod
    def channels(self) -> int:
        """Channels of its input."""

    @property
    @abstractmethod
    def output_channels(self) -> tuple[int, ...]:
        """Channels of its output; empty where the output has no such axis."""

    @property
    @abstractmethod
    def golden_input(self) -> Batch:
        """What `golden` is the answer to, `[slice, channel, i, j]` of its `input_type`."""


@dataclass(frozen=True, kw_only=True)
class ServedModel(ServedNetwork):
    """A U-Net. Its output is `float32 [slice, i, j]`.

    Args:
        region: What it segments.
        plan: How it is used.
    """

    input_name = "slices"
    input_type = np.float32
    output_name = "probabilities"

    region: Region
    plan: ModelPlan

    def __post_init__(self) -> None:
        if self.plan.region is not self.region:
            raise ModelRepositoryError(self.name, f"must have a plan for {self.region}", f"{self.plan.region}")
        super().__post_init__()

    @property
    def channels(self) -> int:  # noqa: D102  # as of the base
        return len(self.plan.channels)

    @property
    def output_channels(self) -> tuple[int, ...]:  # noqa: D102  # as of the base
        return ()

    @property
    def golden_input(self) -> npt.NDArray[np.float32]:  # noqa: D102  # as of the base
        return golden_slices(self.channels)


@dataclass(frozen=True, kw_only=True)
class ServedGenerator(ServedNetwork):
    """A generator. Its output is `float32 [slice, contrast, i, j]`.

    Args:
        plan: How it is used.
    """

    input_name = "maps"
    input_type = np.uint8
    output_name = "images"

    plan: GeneratorPlan

    def __post_init__(self) -> None:
        if not self.target or not self.name.startswith(GENERATOR_PREFIX):
            raise ModelRepositoryError(self.name, f"must have a name that begins with {GENERATOR_PREFIX}", self.name)
        super().__post_init__()

    @property
    def target(self) -> str:
        """What it is asked for by, e.g. `joint`."""
        return self.name.removeprefix(GENERATOR_PREFIX)

    @property
    def channels(self) -> int:  # noqa: D102  # as of the base
        return self.plan.channels.count

    @property
    def output_channels(self) -> tuple[int, ...]:  # noqa: D102  # as of the base
        return (len(self.plan.draws),)

    @property
    def golden_input(self) -> npt.NDArray[np.uint8]:  # noqa: D102  # as of the base
        return golden_maps(self.plan.channels)
