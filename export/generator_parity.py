"""The gate between a generator and its served form: both see the same maps, and must draw the same images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import torch
from torch import nn

from export.errors import ParityError
from export.gate import GateReport
from export.generator_cases import MapCase
from export.session import open_graph, run_session
from imaging.metrics.image_quality import compare_images


@dataclass(frozen=True)
class GeneratorBounds:
    """How far the exported graph may be off. Its kernels are rounded to float16, so it is never the same.

    Args:
        largest_difference: Of two intensities (0 to 1), anywhere.
        mean_difference: Of intensities over any batch of slices.
        ssim_loss: By how much SSIM of any two images (Gaussian window, data range 1) may fall short of 1.
    """

    largest_difference: float = 0.005
    mean_difference: float = 2e-4
    ssim_loss: float = 1e-4


@dataclass(frozen=True)
class MapParity:
    """How two forms of a generator agree on one batch of maps.

    Args:
        name: Which batch, e.g. `whole slices`.
        shape: Of the batch, `[slice, channel, i, j]`.
        largest_difference: Of two intensities, 0 to 1.
        mean_difference: Over all of the batch's images, background included.
        ssim_loss: 1 minus the lowest SSIM of two images; NaN where an answer is no number.
    """

    name: str
    shape: tuple[int, ...]
    largest_difference: float
    mean_difference: float
    ssim_loss: float


@dataclass(frozen=True, kw_only=True)
class GeneratorParityReport(GateReport[GeneratorBounds]):
    """What was compared, what was found, and what was allowed.

    Args:
        cases: What was found, batch by batch.
        largest_difference: Largest of all cases.
        mean_difference: Largest of all cases.
        ssim_loss: Largest of all cases.
    """

    cases: tuple[MapParity, ...]
    largest_difference: float
    mean_difference: float
    ssim_loss: float


def compare_generator(
    net: nn.Module,
    graph: bytes,
    *,
    cases: Sequence[MapCase],
    source: str,
    bounds: GeneratorBounds | None = None,
) -> GeneratorParityReport:
    """Compare a generator with its exported graph. Judge the report with `GateReport.require`.

    Args:
        net: Run in float32 on the CPU.
        graph: The serialised graph; run by ONNX Runtime on the CPU.
        cases: What both are shown, at least one batch.
        source: Where the maps came from, for the reader.
        bounds: What is allowed.

    Raises:
        ParityError: There is no case, or the graph can't be run.
    """
    if not cases:
        raise ParityError("cases", "must be at least one", "none")
    network, session = net.eval().to("cpu", torch.float32), open_graph(graph)
    found = []
    for case in cases:
        expected = run_generator(network, case.maps)
        found.append(_compare(case, expected, run_session(session, case.maps, shape=expected.shape)))
    return GeneratorParityReport(
        bounds=bounds or GeneratorBounds(),
        cases=tuple(found),
        source=source,
        torch_version=torch.__version__,
        onnxruntime_version=ort.__version__,
        # `np.max` keeps what is not a number.
        largest_difference=float(np.max([parity.largest_difference for parity in found])),
        mean_difference=float(np.max([parity.mean_difference for parity in found])),
        ssim_loss=float(np.max([parity.ssim_loss for parity in found])),
    )


def run_generator(net: nn.Module, maps: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """A generator's images, `float32 [slice, contrast, i, j]`, of maps `uint8 [slice, channel, i, j]`."""
    with torch.inference_mode():
        images: npt.NDArray[np.float32] = net(torch.from_numpy(maps).float()).numpy()
    return images


def _compare(case: MapCase, expected: npt.NDArray[np.float32], got: npt.NDArray[np.float32]) -> MapParity:
    differences = np.abs(expected - got)
    ssim = np.nan
    if np.isfinite(differences).all():
        ssim = min(
            compare_images(served, image, data_range=1.0).ssim
            for served, image in zip(_images(got), _images(expected), strict=True)
        )
    return MapParity(
        name=case.name,
        shape=tuple(case.maps.shape),
        largest_difference=float(differences.max()),
        mean_difference=float(differences.mean()),
        ssim_loss=float(1.0 - ssim),
    )


def _images(batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Every contrast of every slice, `[image, i, j]`."""
    return batch.reshape(-1, *batch.shape[2:])
