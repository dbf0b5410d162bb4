"""The networks that an engine serves: U-Nets that segment, generators that draw, two that find the brain."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from imaging.brain.golden import golden_head, golden_part
from imaging.brain.plan import BrainPlan, BrainStep, BrainStepPlan
from imaging.brainmap.golden import golden_maps
from imaging.brainmap.plan import GeneratorPlan
from imaging.pipeline.golden import GoldenAnswer, golden_slices
from imaging.pipeline.plan import ModelPlan
from imaging.regions import Region
from serving.errors import ModelRepositoryError

Number = np.float16 | np.float32 | np.uint8
"""What tensors are made of."""
Batch = npt.NDArray[np.float16] | npt.NDArray[np.uint8]
"""A micro-batch: z-scored slices, maps, or a head."""
Answer = npt.NDArray[np.float16] | npt.NDArray[np.float32] | npt.NDArray[np.uint8]
"""What a network says of a micro-batch: probabilities or images from 0 to 1, or probabilities in 255ths."""
GENERATOR_PREFIX = "generator_"
"""Of the names of generators in the model repository; what it draws follows, e.g. `generator_joint`."""
BRAIN_PREFIX = "brain_"
"""Of the names of brain extraction's networks in the model repository; the step follows, e.g. `brain_mask`."""


@dataclass(frozen=True, kw_only=True)
class ServedNetwork(ABC):
    """One network as it is served.

    Args:
        name: Its name in the model repository.
        version: Its version there, e.g. `1`.
        sha256: Digest of its `model.onnx`, lower-case hexadecimal.
        golden: How it must answer its golden input.
        max_batch_size: Most slices, or heads, that one call may hold.
        threads: Of one run, where its answer's last bits depend on them; None leaves it to the engine.
        gives_back: The devices whose memory a run gives back at its end, as ONNX Runtime names them, e.g. `cpu:0`; None
            where it is kept for the next run.

    Raises:
        ModelRepositoryError: The parts contradict each other.
    """

    input_name: ClassVar[str]
    """Its only input."""
    input_type: ClassVar[type[Number]]
    """Of its input."""
    output_name: ClassVar[str]
    """Its only output."""
    output_type: ClassVar[type[Number]] = np.float32
    """Of its output."""
    unit: ClassVar[str] = "slice"
    """What a micro-batch is a number of."""

    name: str
    version: str
    sha256: str
    golden: GoldenAnswer
    max_batch_size: int
    threads: int | None = None
    gives_back: str | None = None

    def __post_init__(self) -> None:
        if len(self.sha256) != 64 or set(self.sha256) - set("0123456789abcdef"):
            raise ModelRepositoryError(self.name, "must state onnx_sha256 as 64 lower-case hex digits", self.sha256)
        if self.max_batch_size < 1:
            raise ModelRepositoryError(self.name, "must have a max_batch_size of 1 or more", f"{self.max_batch_size}")

    @property
    @abstractmethod
    def input_dims(self) -> tuple[int, ...]:
        """Extents of one unit of its input, -1 where they are free; the free ones come last."""

    @property
    @abstractmethod
    def output_dims(self) -> tuple[int, ...]:
        """The same of its output. The free extents are those of the input."""

    @property
    @abstractmethod
    def golden_input(self) -> npt.NDArray[np.float32] | npt.NDArray[np.uint8]:
        """What `golden` is the answer to: a micro-batch, as an engine is given it."""

    def golden_part(self, answer: Answer) -> npt.NDArray[np.float32]:
        """What of the answer to the golden input is recorded in `golden`: all of it, unless a kind says otherwise."""
        return answer.astype(np.float32, copy=False)


@dataclass(frozen=True, kw_only=True)
class ServedModel(ServedNetwork):
    """A U-Net. Its output is `float16 [slice, i, j]`.

    Args:
        region: What it segments.
        plan: How it is used.
    """

    input_name = "slices"
    input_type = np.float16
    output_name = "probabilities"
    output_type = np.float16

    region: Region
    plan: ModelPlan

    def __post_init__(self) -> None:
        if self.plan.region is not self.region:
            raise ModelRepositoryError(self.name, f"must have a plan for {self.region}", f"{self.plan.region}")
        super().__post_init__()

    @property
    def input_dims(self) -> tuple[int, ...]:  # noqa: D102  # as of the base
        return len(self.plan.channels), -1, -1

    @property
    def output_dims(self) -> tuple[int, ...]:  # noqa: D102  # as of the base
        return -1, -1

    @property
    def golden_input(self) -> npt.NDArray[np.float32]:  # noqa: D102  # as of the base
        return golden_slices(len(self.plan.channels))


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
    def input_dims(self) -> tuple[int, ...]:  # noqa: D102  # as of the base
        return self.plan.channels.count, -1, -1

    @property
    def output_dims(self) -> tuple[int, ...]:  # noqa: D102  # as of the base
        return len(self.plan.draws), -1, -1

    @property
    def golden_input(self) -> npt.NDArray[np.uint8]:  # noqa: D102  # as of the base
        return golden_maps(self.plan.channels)


@dataclass(frozen=True, kw_only=True)
class ServedBrainStep(ServedNetwork):
    """One of brain extraction's networks. Its input is `uint8 [head, i, j, k]`, and so is its output.

    Args:
        plan: How it is used.
    """

    input_name = "volume"
    input_type = np.uint8
    output_name = "probabilities"
    output_type = np.uint8
    unit = "head"

    plan: BrainStepPlan

    def __post_init__(self) -> None:
        if self.name != f"{BRAIN_PREFIX}{self.plan.step}":
            raise ModelRepositoryError(self.name, "must have a plan for its own step", f"{self.plan.step}")
        super().__post_init__()

    @property
    def input_dims(self) -> tuple[int, ...]:  # noqa: D102  # as of the base
        return -1, -1, -1

    @property
    def output_dims(self) -> tuple[int, ...]:  # noqa: D102  # as of the base
        return -1, -1, -1

    @property
    def golden_input(self) -> npt.NDArray[np.uint8]:  # noqa: D102  # as of the base
        return golden_head()[np.newaxis]

    def golden_part(self, answer: Answer) -> npt.NDArray[np.float32]:  # noqa: D102  # as of the base
        return golden_part(answer[0])


@dataclass(frozen=True)
class ServedBrain:
    """Brain extraction as it is served: a network for each of its two steps.

    Args:
        box: Finds where the brain lies.
        mask: Finds which voxels are brain.

    Raises:
        PlanError: A network stands for another step than its own.
    """

    box: ServedBrainStep
    mask: ServedBrainStep

    def __post_init__(self) -> None:
        BrainPlan(self.box.plan, self.mask.plan)

    def __getitem__(self, step: BrainStep) -> ServedBrainStep:
        return self.box if step is BrainStep.BOX else self.mask

    @property
    def plan(self) -> BrainPlan:
        """How both are used."""
        return BrainPlan(self.box.plan, self.mask.plan)
