"""The gate between a network of brain extraction as released and as served: the same heads, the same brains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import torch
from torch import nn

from export.brain_cases import HeadCase
from export.brain_net import INPUT_MEAN, INPUT_SPREAD
from export.errors import ParityError
from export.gate import GateReport
from export.session import open_graph, run_session
from imaging.brain.cube import LEVELS
from imaging.metrics.overlap import compute_dsc, count_confusion


@dataclass(frozen=True)
class BrainBounds:
    """How far the served form may be off. Its intensities and probabilities are rounded to bytes.

    Args:
        mean_difference: Of probabilities over any head. The largest is told, but not bounded: at the brain's surface
            the network is steep, and a rounded intensity may turn a voxel.
        flipped_share: Largest share of brain voxels, of all heads, that only one form marks.
        dsc_loss: By how much the DSC of the two forms' masks of any head may fall short of 1.
    """

    mean_difference: float = 2e-3
    flipped_share: float = 5e-3
    dsc_loss: float = 3e-3


@dataclass(frozen=True)
class HeadParity:
    """How two forms agree on one head.

    Args:
        name: Which head.
        shape: Of what was shown, `[i, j, k]`.
        largest_difference: Of two probabilities.
        mean_difference: Over all voxels.
        brain_voxels: Voxels that either form marks.
        flipped_voxels: Voxels that only one of them marks.
        dsc_loss: 1 minus the DSC of the two masks; 0 where both are empty.
    """

    name: str
    shape: tuple[int, ...]
    largest_difference: float
    mean_difference: float
    brain_voxels: int
    flipped_voxels: int
    dsc_loss: float


@dataclass(frozen=True, kw_only=True)
class BrainParityReport(GateReport[BrainBounds]):
    """What was compared, what was found, and what was allowed.

    Args:
        cases: What was found, head by head.
        largest_difference: Largest of all heads.
        mean_difference: Largest of all heads.
        flipped_share: Flipped voxels of all heads by brain voxels of all heads; 0 where nothing is marked.
        dsc_loss: Largest of all heads.
    """

    cases: tuple[HeadParity, ...]
    largest_difference: float
    mean_difference: float
    flipped_share: float
    dsc_loss: float


def compare_brain(
    released: nn.Module,
    graph: bytes,
    *,
    cases: Sequence[HeadCase],
    threshold: float,
    source: str,
    bounds: BrainBounds | None = None,
) -> BrainParityReport:
    """Compare a network as its authors released it with its served form. Judge the report with `GateReport.require`.

    Args:
        released: Run in float32 on the CPU, on intensities as its authors normalise them.
        graph: The serialised graph; run by ONNX Runtime on the CPU, on levels.
        cases: What both are shown, at least one head.
        threshold: Probability above which a voxel is brain.
        source: Where the heads came from, for the reader.
        bounds: What is allowed.

    Raises:
        ParityError: There is no case, or the graph can't be run.
    """
    if not cases:
        raise ParityError("cases", "must be at least one", "none")
    session = open_graph(graph)
    found = [
        _compare(
            case, run_released(released, case.intensities), run_served(session, case.intensities), threshold=threshold
        )
        for case in cases
    ]
    brain_voxels = sum(parity.brain_voxels for parity in found)
    return BrainParityReport(
        bounds=bounds or BrainBounds(),
        cases=tuple(found),
        source=source,
        torch_version=torch.__version__,
        onnxruntime_version=ort.__version__,
        # `np.max` keeps what is not a number.
        largest_difference=float(np.max([parity.largest_difference for parity in found])),
        mean_difference=float(np.max([parity.mean_difference for parity in found])),
        flipped_share=sum(parity.flipped_voxels for parity in found) / max(brain_voxels, 1),
        dsc_loss=float(np.max([parity.dsc_loss for parity in found])),
    )


def run_released(released: nn.Module, intensities: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Probabilities `float32 [i, j, k]` of intensities of that shape, by the authors' own normalisation."""
    x = torch.from_numpy(intensities)
    normalised = INPUT_SPREAD * (x - x.mean()) / x.std() + INPUT_MEAN
    with torch.inference_mode():
        probabilities: npt.NDArray[np.float32] = released(normalised[None, None])[0, 1].numpy()
    return probabilities


def run_served(session: ort.InferenceSession, intensities: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The same of a graph, by levels of one byte.

    Raises:
        ParityError: It can't be run, or answers in another shape or type.
    """
    levels = np.rint(intensities * LEVELS).astype(np.uint8)[np.newaxis]
    answer: npt.NDArray[np.uint8] = run_session(session, levels, shape=levels.shape, dtype=np.uint8)
    probabilities: npt.NDArray[np.float32] = answer[0].astype(np.float32) / np.float32(LEVELS)
    return probabilities


def _compare(
    case: HeadCase, expected: npt.NDArray[np.float32], got: npt.NDArray[np.float32], *, threshold: float
) -> HeadParity:
    differences = np.abs(expected - got)
    mask, served = expected > threshold, got > threshold
    marked = bool(mask.any() or served.any())
    return HeadParity(
        name=case.name,
        shape=tuple(case.intensities.shape),
        largest_difference=float(differences.max()),
        mean_difference=float(differences.mean()),
        brain_voxels=int(np.count_nonzero(mask | served)),
        flipped_voxels=int(np.count_nonzero(mask ^ served)),
        dsc_loss=1.0 - compute_dsc(count_confusion(served, mask)) if marked else 0.0,
    )
