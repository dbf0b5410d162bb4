"""What this machine can do at most, measured, and how much arithmetic a network's micro-batch is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import ModelProto
from torch.nn import functional

from imaging.regions import Region
from serving.inference.catalog import MODEL_FILE, MODEL_NAMES

_CHANNELS = 128
_EXTENT = 96
_SIDE = 2048
_REPEATS = 5


@dataclass(frozen=True)
class Peak:
    """The best of some runs on all cores.

    Args:
        fp32_tflops: Arithmetic of a large 3 x 3 convolution or of a product of matrices, whichever is faster, 10^12
            operations a second.
        bf16_tflops: The same in bfloat16.
        copy_gbs: Memory that is copied, 10^9 bytes a second.
    """

    fp32_tflops: float
    bf16_tflops: float
    copy_gbs: float

    def text(self) -> str:
        """In words."""
        return (
            f"Measured peak of the machine: {self.fp32_tflops:.2f} TFLOP/s in fp32 and {self.bf16_tflops:.2f} in bf16 "
            f"(a large convolution or a product of matrices), {self.copy_gbs:.1f} GB/s of memory copied."
        )


def measure_peak() -> Peak:
    """Measure it; takes some seconds."""
    fp32, bf16 = (max(_convolution(dtype), _product(dtype)) for dtype in (torch.float32, torch.bfloat16))
    return Peak(fp32, bf16, _copy())


def _product(dtype: torch.dtype) -> float:
    one, other = torch.rand(_SIDE, _SIDE).to(dtype), torch.rand(_SIDE, _SIDE).to(dtype)
    with torch.inference_mode():
        seconds = _best(lambda: torch.mm(one, other))
    return 2 * _SIDE**3 / seconds / 1e12


def _convolution(dtype: torch.dtype) -> float:
    slices = torch.rand(8, _CHANNELS, _EXTENT, _EXTENT).to(dtype).contiguous(memory_format=torch.channels_last)
    weights = torch.rand(_CHANNELS, _CHANNELS, 3, 3).to(dtype).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        seconds = _best(lambda: functional.conv2d(slices, weights, padding=1))
    return 2 * 9 * _CHANNELS * prod(slices.shape) / seconds / 1e12


def _copy() -> float:
    source = np.ones(64 * 2**20, dtype=np.float32)
    target = np.empty_like(source)
    return source.nbytes / _best(lambda: np.copyto(target, source)) / 1e9


def _best(run: Callable[[], object]) -> float:
    run()
    seconds = []
    for _ in range(_REPEATS):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def operations(models: Path, batches: Sequence[tuple[Region, npt.NDArray[np.float32]]]) -> float:
    """Additions and multiplications of all these micro-batches."""
    per_pixel = {}
    for region, name in MODEL_NAMES.items():
        (file,) = (models / name).glob(f"*/{MODEL_FILE}")
        per_pixel[region] = operations_per_pixel(onnx.load(file))
    return sum(per_pixel[region] * len(slices) * prod(slices.shape[2:]) for region, slices in batches)


def operations_per_pixel(model: ModelProto) -> float:
    """Of a U-Net's convolutions, for one pixel of its input."""
    extents = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.input and node.input[0] in extents:  # a weight that is brought to the type it is used in
            extents[node.output[0]] = extents[node.input[0]]
    total, pixels = 0.0, {model.graph.input[0].name: 1.0}
    for node in model.graph.node:
        if node.output[0] in extents:
            continue
        read = pixels[node.input[0]]
        match node.op_type:
            case "Conv":
                total += 2 * prod(extents[node.input[1]]) * read
            case "ConvTranspose":  # of stride 2: each of its inputs is spread once
                total += 2 * prod(extents[node.input[1]]) * read
                read *= 4
            case "MaxPool":
                read /= 4
        pixels[node.output[0]] = read
    return total
