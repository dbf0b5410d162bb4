from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import pytest

from export.engine_choice import Accelerator, BatchBucket, EngineChoice, EngineKind, GpuOptions, Precision
from export.errors import EngineChoiceError

GPU: dict[str, Any] = {"kind": EngineKind.GPU, "gpu": GpuOptions()}
CUDA = GPU | {"accelerator": Accelerator.CUDA, "precision": Precision.TF32}
TENSORRT = GPU | {"accelerator": Accelerator.TENSORRT, "precision": Precision.FP16}


@pytest.mark.parametrize(
    "choice",
    [
        {},
        {"accelerator": Accelerator.NONE, "precision": Precision.FP32, "instances": 1, "threads": 2},
        CUDA,
        TENSORRT | {"gpu": GpuOptions(engine_cache=PurePosixPath("/cache"), workspace_bytes=1)},
        TENSORRT | {"gpu": GpuOptions(cuda_graph=True), "warm_up": (BatchBucket(16, 16, 32),)},
    ],
)
def test_what_goes_together(choice: dict[str, Any]) -> None:
    EngineChoice(**choice)


@pytest.mark.parametrize(
    ("choice", "field"),
    [
        ({"accelerator": Accelerator.TENSORRT}, "accelerator"),
        ({"accelerator": Accelerator.NONE}, "precision"),
        (TENSORRT | {"precision": Precision.BF16}, "precision"),
        ({"instances": 0}, "instances"),
        ({"threads": 0}, "threads"),
        (CUDA | {"threads": 1}, "threads"),
        ({"batch_sizes": ()}, "batch_sizes"),
        ({"batch_sizes": (16, 8)}, "batch_sizes"),
        ({"batch_sizes": (8, 32)}, "batch_sizes"),
        ({"max_queue_delay_us": -1}, "max_queue_delay_us"),
        ({"warm_up": (BatchBucket(17, 16, 16),)}, "warm_up"),
        ({"gpu": GpuOptions()}, "gpu"),
        (CUDA | {"gpu": None}, "gpu"),
        (CUDA | {"gpu": GpuOptions(engine_cache=PurePosixPath("/cache"))}, "engine_cache"),
        (CUDA | {"gpu": GpuOptions(workspace_bytes=1)}, "workspace_bytes"),
        (CUDA | {"gpu": GpuOptions(cuda_graph=True)}, "cuda_graph"),
    ],
)
def test_what_does_not(choice: dict[str, Any], field: str) -> None:
    with pytest.raises(EngineChoiceError) as caught:
        EngineChoice(**choice)
    assert caught.value.field == field


@pytest.mark.parametrize("shape", [(0, 16, 16), (1, 0, 16), (1, 16, 24)])
def test_a_bucket_that_no_network_takes(shape: tuple[int, int, int]) -> None:
    with pytest.raises(EngineChoiceError, match="sides multiples of 16"):
        BatchBucket(*shape)


def test_paths_and_sizes_of_tensorrt() -> None:
    with pytest.raises(EngineChoiceError, match="absolute"):
        GpuOptions(engine_cache=PurePosixPath("cache"))
    with pytest.raises(EngineChoiceError, match="1 or more"):
        GpuOptions(workspace_bytes=0)
