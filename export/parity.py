"""The gate between a network and its served form: both see the same slices, and must say the same of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import torch
from torch import nn

from export.cases import ParityCase
from export.errors import ParityError
from export.gate import GateReport
from export.session import open_graph, run_session
from imaging.metrics.overlap import ConfusionCounts, compute_dsc, count_confusion


@dataclass(frozen=True)
class ParityBounds:
    """How far the exported graph may be off. Its kernels and tensors are rounded to float16, so it is never the same.

    Args:
        probability_difference: Largest difference of two probabilities, anywhere.
        flipped_share: Largest share of mask voxels (those that either mask marks) that only one of them marks.
        dsc_change: Largest change of the DSC against the reference, all batches taken together.
    """

    probability_difference: float = 0.02
    flipped_share: float = 2e-3
    dsc_change: float = 1e-3


@dataclass(frozen=True)
class CaseParity:
    """How two forms of a network agree on one batch of slices.

    Args:
        name: Which batch, e.g. `tumour slices` or `crop 3 x 64 x 96`.
        shape: Of the batch, `[slice, channel, i, j]`.
        probability_difference: Largest, 0 to 1.
        mask_voxels: Voxels that either form marks.
        flipped_voxels: Voxels that only one of them marks.
        dsc_torch: DSC of the network's mask against the reference, over the whole batch; 1 where both are empty.
        dsc_onnx: The same of the exported graph's.
    """

    name: str
    shape: tuple[int, ...]
    probability_difference: float
    mask_voxels: int
    flipped_voxels: int
    dsc_torch: float
    dsc_onnx: float


@dataclass(frozen=True, kw_only=True)
class ParityReport(GateReport[ParityBounds]):
    """What was compared, what was found, and what was allowed.

    Args:
        cases: What was found, batch by batch.
        probability_difference: Largest of all cases.
        flipped_share: Flipped voxels of all cases by mask voxels of all cases; 0 where nothing is marked.
        dsc_change: Of the DSC over all cases taken together.
    """

    cases: tuple[CaseParity, ...]
    probability_difference: float
    flipped_share: float
    dsc_change: float


def compare(
    net: nn.Module,
    graph: bytes,
    *,
    cases: Sequence[ParityCase],
    threshold: float,
    source: str,
    bounds: ParityBounds | None = None,
) -> ParityReport:
    """Compare a network with its exported graph. Judge the report with `ParityReport.require`.

    Args:
        net: Gives logits; run in float32 on the CPU.
        graph: The serialised graph; run by ONNX Runtime on the CPU.
        cases: What both are shown, at least one batch.
        threshold: Probability above which a voxel belongs to the mask.
        source: Where the slices came from, for the reader.
        bounds: What is allowed.

    Raises:
        ParityError: There is no case, or the graph can't be run.
    """
    if not cases:
        raise ParityError("cases", "must be at least one", "none")
    network, session = net.eval().to("cpu", torch.float32), open_graph(graph)
    found = [
        _compare(case, run_network(network, case.slices), run_graph(session, case.slices), threshold=threshold)
        for case in cases
    ]
    mask_voxels = sum(parity.mask_voxels for parity, _, _ in found)
    dsc_torch = _dsc([counts for _, counts, _ in found])
    dsc_onnx = _dsc([counts for _, _, counts in found])
    return ParityReport(
        bounds=bounds or ParityBounds(),
        cases=tuple(parity for parity, _, _ in found),
        source=source,
        torch_version=torch.__version__,
        onnxruntime_version=ort.__version__,
        probability_difference=float(np.max([parity.probability_difference for parity, _, _ in found])),
        flipped_share=sum(parity.flipped_voxels for parity, _, _ in found) / max(mask_voxels, 1),
        dsc_change=abs(dsc_torch - dsc_onnx),
    )


def run_network(net: nn.Module, slices: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """A network's probabilities, `float32 [slice, i, j]`, of `float32 [slice, channel, i, j]`."""
    with torch.inference_mode():
        probabilities: npt.NDArray[np.float32] = torch.sigmoid(net(torch.from_numpy(slices)))[:, 0].numpy()
    return probabilities


def run_graph(session: ort.InferenceSession, slices: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """A graph's probabilities, shapes and types as of `run_network`; slices and answer are float16 on their way.

    Raises:
        ParityError: It can't be run, or answers in another shape or type.
    """
    shape = (slices.shape[0], *slices.shape[2:])
    answer: npt.NDArray[np.float16] = run_session(session, slices.astype(np.float16), shape=shape, dtype=np.float16)
    return answer.astype(np.float32)


def _compare(
    case: ParityCase, expected: npt.NDArray[np.float32], got: npt.NDArray[np.float32], *, threshold: float
) -> tuple[CaseParity, ConfusionCounts, ConfusionCounts]:
    """How two answers agree, and how each agrees with the reference."""
    mask, served = expected > threshold, got > threshold
    counts, served_counts = count_confusion(mask, case.reference), count_confusion(served, case.reference)
    parity = CaseParity(
        name=case.name,
        shape=tuple(case.slices.shape),
        probability_difference=float(np.abs(expected - got).max()),
        mask_voxels=int(np.count_nonzero(mask | served)),
        flipped_voxels=int(np.count_nonzero(mask ^ served)),
        dsc_torch=_dsc([counts]),
        dsc_onnx=_dsc([served_counts]),
    )
    return parity, counts, served_counts


def _dsc(counts: Sequence[ConfusionCounts]) -> float:
    """DSC of several batches taken together; 1 where there is nothing in masks and references."""
    total = ConfusionCounts(*(sum(column) for column in zip(*map(astuple, counts), strict=True)))
    dsc = compute_dsc(total)
    return 1.0 if math.isnan(dsc) else dsc
