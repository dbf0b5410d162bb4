"""How a U-Net is run by Triton: the choices that change its speed, and which of them go together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from types import MappingProxyType

from export.errors import EngineChoiceError
from imaging.pipeline.plan import MULTIPLE


class EngineKind(StrEnum):
    """For which processor a choice is made."""

    CPU = "cpu"
    GPU = "gpu"


class Accelerator(StrEnum):
    """What runs the graph within Triton's `onnxruntime` backend."""

    NONE = "none"
    """ONNX Runtime's own kernels for the CPU."""
    OPENVINO = "openvino"
    CUDA = "cuda"
    TENSORRT = "tensorrt"


class Precision(StrEnum):
    """In which numbers convolutions are computed. The graph's file and its tensors stay the same."""

    FP32 = "fp32"
    BF16 = "bf16"
    """Only on a processor that computes in it; another computes in float32."""
    TF32 = "tf32"
    FP16 = "fp16"


PRECISIONS: Mapping[tuple[EngineKind, Accelerator], frozenset[Precision]] = MappingProxyType(
    {
        (EngineKind.CPU, Accelerator.NONE): frozenset({Precision.FP32}),
        (EngineKind.CPU, Accelerator.OPENVINO): frozenset({Precision.FP32, Precision.BF16}),
        (EngineKind.GPU, Accelerator.CUDA): frozenset({Precision.FP32, Precision.TF32}),
        (EngineKind.GPU, Accelerator.TENSORRT): frozenset({Precision.FP32, Precision.FP16}),
    }
)
"""What each accelerator can compute in."""


@dataclass(frozen=True, order=True)
class BatchBucket:
    """A shape of micro-batches that is prepared before the first call.

    Args:
        slices: 1 or more.
        height: In voxels, a multiple of 16.
        width: The same.

    Raises:
        EngineChoiceError: A number is out of its range.
    """

    slices: int
    height: int
    width: int

    def __post_init__(self) -> None:
        sides = (self.height, self.width)
        if self.slices < 1 or any(side < MULTIPLE or side % MULTIPLE for side in sides):
            rule = f"must hold a slice or more, sides multiples of {MULTIPLE}"
            raise EngineChoiceError("bucket", rule, f"{self.slices} x {self.height} x {self.width}")


@dataclass(frozen=True, kw_only=True)
class GpuOptions:
    """What only GPUs know.

    Args:
        cuda_graph: Whether a micro-batch is one recorded launch. Its shape is then that of a bucket.
        engine_cache: Absolute path in Triton's container where TensorRT keeps its engines; None builds them at each
            start. For TensorRT alone.
        workspace_bytes: The most that TensorRT may take for a run; None leaves it to TensorRT. For TensorRT alone.

    Raises:
        EngineChoiceError: A value is out of its range.
    """

    cuda_graph: bool = False
    engine_cache: PurePosixPath | None = None
    workspace_bytes: int | None = None

    def __post_init__(self) -> None:
        if self.engine_cache is not None and not self.engine_cache.is_absolute():
            raise EngineChoiceError("engine_cache", "must be an absolute path", f"{self.engine_cache}")
        if self.workspace_bytes is not None and self.workspace_bytes < 1:
            raise EngineChoiceError("workspace_bytes", "must be 1 or more", f"{self.workspace_bytes}")


@dataclass(frozen=True, kw_only=True)
class EngineChoice:
    """How a U-Net is run. Valid once constructed.

    Args:
        kind: For which processor. A choice for the CPU also runs on a GPU that Triton sees, as Triton's default does.
        accelerator: What runs the graph.
        precision: In which numbers.
        instances: Runs at one time, on each GPU or on the CPU.
        threads: Of one run, on the CPU alone; None shares the cores among the instances.
        batch_sizes: Slices that Triton puts together, ascending. A CPU gains nothing by more than one micro-batch:
            two together would keep one instance busy and leave the other idle.
        max_batch_size: The most slices that a call may hold.
        max_queue_delay_us: How long a micro-batch may wait for another call's.
        warm_up: Shapes that are run before the model counts as loaded.
        gpu: What only GPUs know; None on the CPU.

    Raises:
        EngineChoiceError: A value is out of its range, or the choices contradict each other.
    """

    kind: EngineKind = EngineKind.CPU
    accelerator: Accelerator = Accelerator.OPENVINO
    precision: Precision = Precision.BF16
    instances: int = 2
    threads: int | None = None
    batch_sizes: tuple[int, ...] = (8,)
    max_batch_size: int = 16
    max_queue_delay_us: int = 0
    warm_up: tuple[BatchBucket, ...] = ()
    gpu: GpuOptions | None = None

    def __post_init__(self) -> None:
        possible = PRECISIONS.get((self.kind, self.accelerator))
        if possible is None:
            raise EngineChoiceError("accelerator", f"must be one for a {self.kind.value}", self.accelerator.value)
        if self.precision not in possible:
            rule = f"must be one of {', '.join(sorted(possible))} with {self.accelerator.value}"
            raise EngineChoiceError("precision", rule, self.precision.value)
        if self.instances < 1:
            raise EngineChoiceError("instances", "must be 1 or more", f"{self.instances}")
        if self.threads is not None and (self.threads < 1 or self.kind is EngineKind.GPU):
            raise EngineChoiceError("threads", "must be 1 or more, on the CPU alone", f"{self.threads}")
        self._check_batches()
        self._check_gpu()

    def _check_batches(self) -> None:
        sizes = self.batch_sizes
        if not sizes or sizes[0] < 1 or list(sizes) != sorted(set(sizes)):
            raise EngineChoiceError("batch_sizes", "must be one or more, ascending, from 1 up", f"{sizes}")
        if sizes[-1] > self.max_batch_size:
            raise EngineChoiceError("batch_sizes", f"must be at most {self.max_batch_size}", f"{sizes[-1]}")
        if self.max_queue_delay_us < 0:
            raise EngineChoiceError("max_queue_delay_us", "must be 0 or more", f"{self.max_queue_delay_us}")
        if too_large := [bucket for bucket in self.warm_up if bucket.slices > self.max_batch_size]:
            raise EngineChoiceError(
                "warm_up", f"must hold at most {self.max_batch_size} slices", f"{too_large[0].slices}"
            )

    def _check_gpu(self) -> None:
        if (self.gpu is not None) is not (self.kind is EngineKind.GPU):
            raise EngineChoiceError("gpu", "must be given for a GPU, and for nothing else", f"{self.kind.value}")
        if self.gpu is None:
            return
        for name in ("engine_cache", "workspace_bytes"):
            if getattr(self.gpu, name) is not None and self.accelerator is not Accelerator.TENSORRT:
                raise EngineChoiceError(name, "must be left out without TensorRT", self.accelerator.value)
        if self.gpu.cuda_graph and not self.warm_up:
            raise EngineChoiceError("cuda_graph", "must come with buckets in warm_up", "none")


UNET_ENGINE = EngineChoice()
"""How the shipped U-Nets are run."""
