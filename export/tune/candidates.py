"""The ways of running the U-Nets that are tried."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import PurePosixPath

from export.engine_choice import Accelerator, BatchBucket, EngineChoice, EngineKind, GpuOptions, Precision
from imaging.regions import Region

MOST_INSTANCES = 8
"""On a CPU. Each is a process with the network in it, and three U-Nets have as many."""
TENSORRT_CACHE = PurePosixPath("/var/cache/glioserve/tensorrt")
"""Where Triton's container keeps TensorRT's engines; a volume, so that they outlive it."""


class GraphForm(StrEnum):
    """Which file of a network is run."""

    FLOAT = "float"
    """As exported."""
    INT8 = "int8"
    """Quantised, see `export.int8`."""


@dataclass(frozen=True)
class Net:
    """One way of running one U-Net.

    Args:
        graph: Which file.
        choice: How it is run.
    """

    graph: GraphForm
    choice: EngineChoice

    @property
    def numbers(self) -> str:
        """What decides the numbers of its answers, e.g. `openvino bf16`."""
        engine = self.choice.accelerator
        name = "onnxruntime" if engine is Accelerator.NONE else engine.value
        return f"{name} {'int8' if self.graph is GraphForm.INT8 else self.choice.precision.value}"

    @property
    def reduced(self) -> bool:
        """Whether these are fewer bits than the reference's, so that the gate decides."""
        return self.graph is GraphForm.INT8 or self.choice.precision is not Precision.FP32

    @property
    def exact(self) -> Net:
        """The same with the reference's bits."""
        return Net(GraphForm.FLOAT, replace(self.choice, precision=Precision.FP32))


@dataclass(frozen=True)
class Candidate:
    """One way of running the three U-Nets together.

    Args:
        net: How they are run.
        kept: The regions whose networks keep the reference's bits, because the gate asks for it.
    """

    net: Net
    kept: frozenset[Region] = frozenset()

    def of(self, region: Region) -> Net:
        """How one region's network is run."""
        return self.net.exact if region in self.kept else self.net

    @property
    def numbers(self) -> str:
        """What its gate is about, e.g. `openvino bf16, ET in fp32`."""
        kept = " and ".join(region.name for region in Region if region in self.kept)
        return f"{self.net.numbers}, {kept} in fp32" if kept else self.net.numbers

    @property
    def name(self) -> str:
        """For the reader, e.g. `openvino bf16, 2 instances`."""
        count = self.net.choice.instances
        return f"{self.numbers}, {count} instance{'' if count == 1 else 's'}"


def cpu_nets(cores: int) -> tuple[Net, ...]:
    """What is tried on a machine without a GPU, the plainest first.

    Args:
        cores: That Triton may use. They are shared among the instances of a model.
    """
    numbers = (
        (GraphForm.FLOAT, Accelerator.NONE, Precision.FP32),
        (GraphForm.FLOAT, Accelerator.OPENVINO, Precision.FP32),
        (GraphForm.FLOAT, Accelerator.OPENVINO, Precision.BF16),
        (GraphForm.INT8, Accelerator.NONE, Precision.FP32),
        (GraphForm.INT8, Accelerator.OPENVINO, Precision.BF16),
    )
    instances = [count for count in (1, 2, 4, MOST_INSTANCES) if count <= max(cores, 1)]
    return tuple(
        Net(graph, EngineChoice(accelerator=accelerator, precision=precision, instances=count))
        for graph, accelerator, precision in numbers
        for count in instances
    )


def gpu_nets(warm_up: Iterable[BatchBucket]) -> tuple[Net, ...]:
    """What is tried on a machine with a GPU, the plainest first.

    None records CUDA graphs: these want micro-batches of one shape, and those of an exam differ, since each is shown in
    the box of its own slices.

    Args:
        warm_up: Shapes that are run before a model counts as loaded; TensorRT builds its engines for them.
    """
    buckets = tuple(sorted(set(warm_up)))
    numbers = (
        (Accelerator.CUDA, Precision.FP32),
        (Accelerator.CUDA, Precision.TF32),
        (Accelerator.TENSORRT, Precision.FP32),
        (Accelerator.TENSORRT, Precision.FP16),
    )
    choices = (
        EngineChoice(
            kind=EngineKind.GPU,
            accelerator=accelerator,
            precision=precision,
            instances=count,
            warm_up=buckets,
            gpu=GpuOptions(engine_cache=TENSORRT_CACHE if accelerator is Accelerator.TENSORRT else None),
        )
        for accelerator, precision in numbers
        for count in (1, 2)
    )
    return tuple(Net(GraphForm.FLOAT, choice) for choice in choices)


def to_judge(nets: Iterable[Net]) -> tuple[Net, ...]:
    """Of each kind of reduced numbers the net by which the gate judges it: the last one, of the most instances."""
    return tuple({net.numbers: net for net in nets if net.reduced}.values())
