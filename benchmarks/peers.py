"""What others would run on the same exam: the full-frame loop, torch's own network, MONAI's sliding window."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from monai.inferers import SlidingWindowInferer
from onnx import numpy_helper
from torch import Tensor, nn

from benchmarks.workload import evenly
from imaging.exam import Exam
from imaging.pipeline.gate import gate
from imaging.pipeline.plan import MULTIPLE, ModelPlan, ModelPlans
from imaging.pipeline.predictor import Predictor, Slices, ask
from imaging.preprocess.box import Box
from imaging.preprocess.channels import stack_channels
from imaging.preprocess.components import drop_small
from imaging.preprocess.normalise import find_brain, z_score
from imaging.preprocess.prepare import from_slices, to_slices
from imaging.regions import Region, RegionMasks
from serving.inference.catalog import MODEL_FILE, MODEL_NAMES
from training.unet import UNet

MICRO_BATCH = 8
WINDOW = (160, 192)
"""Of MONAI's inferer: near what the product's crops are, so that both show networks similar pieces."""
OVERLAP = 0.25
"""Of its windows: MONAI's own default."""


@dataclass(frozen=True, eq=False)
class NaiveRun:
    """What the full-frame loop found.

    Args:
        masks: `bool [i, j, k]` per region on the exam's grid; None where slices were left out.
        seconds: It took; where slices were left out, those of the networks are scaled to all.
    """

    masks: RegionMasks | None
    seconds: float


def naive(exam: Exam, predictor: Predictor, plans: ModelPlans, *, slices: int = 0) -> NaiveRun:
    """Every slice of the whole frame through every network, in one loop, then thresholds and gates as the product.

    Args:
        exam: In shape already.
        predictor: Runs the networks.
        plans: One per region.
        slices: How many are shown, evenly apart; 0 for all. A slice costs what another costs, so few tell the time.
    """
    started = time.perf_counter()
    reorientation = exam.grid.reorientation
    canonical = {modality: reorientation.apply(volume.voxels) for modality, volume in exam.volumes.items()}
    brain = find_brain(canonical)
    shape = brain.shape
    frame = Box((0, 0, 0), (-(-shape[0] // MULTIPLE) * MULTIPLE, -(-shape[1] // MULTIPLE) * MULTIPLE, shape[2]))
    scores = {modality: to_slices(frame.cut(z_score(voxels, brain))) for modality, voxels in canonical.items()}
    shown = evenly(shape[2], slices)
    before_s = time.perf_counter() - started
    answers = {
        region: _show(predictor, plan, stack_channels(scores, plan.channels, dtype=np.float32), shown)
        for region, plan in plans.items()
    }
    networks_s = time.perf_counter() - started - before_s
    if len(shown) < shape[2]:
        return NaiveRun(None, before_s + networks_s * shape[2] / len(shown))
    masks = {region: frame.paste(from_slices(answer), shape) & brain for region, answer in answers.items()}
    gated = _gated(masks, plans, voxel_volume_ml=exam.grid.voxel_volume_ml)
    found = {region: np.ascontiguousarray(reorientation.undo(mask)) for region, mask in gated.items()}
    return NaiveRun(found, time.perf_counter() - started)


def _show(
    predictor: Predictor, plan: ModelPlan, slices: npt.NDArray[np.float32], shown: Sequence[int]
) -> npt.NDArray[np.bool_]:
    batches = [list(shown[start : start + MICRO_BATCH]) for start in range(0, len(shown), MICRO_BATCH)]
    return np.concatenate([ask(predictor, plan, slices[batch]) > plan.threshold for batch in batches])


def _gated(masks: RegionMasks, plans: ModelPlans, *, voxel_volume_ml: float) -> Mapping[Region, npt.NDArray[np.bool_]]:
    def kept(mask: npt.NDArray[np.bool_], region: Region) -> npt.NDArray[np.bool_]:
        plan = plans[region]
        return drop_small(
            mask,
            voxel_volume_ml=voxel_volume_ml,
            min_component_ml=plan.min_component_ml,
            min_region_ml=plan.min_region_ml,
        )

    gated = dict(gate({**masks, Region.WT: kept(masks[Region.WT], Region.WT)}).masks)
    gated[Region.TC] = kept(gated[Region.TC], Region.TC)
    gated[Region.ET] = kept(gated[Region.ET] & gated[Region.TC], Region.ET)
    return gated


class TorchEager:
    """The networks as they were trained, in torch, fp32, no compiler. Implements `Predictor`.

    Weights are those of the repository's graphs, whose batch norm is folded into them; the networks' own batch norms
    are there, as in a loop over checkpoints, and change nothing.

    Args:
        models: The repository.
    """

    def __init__(self, models: Path) -> None:
        self.nets: dict[Region, nn.Module] = {}
        for region, name in MODEL_NAMES.items():
            (file,) = (models / name).glob(f"*/{MODEL_FILE}")
            self.nets[region] = torch_net(onnx.load(file))

    def predict(self, region: Region, slices: Slices) -> npt.NDArray[np.float32]:
        """As `Predictor`."""
        with torch.inference_mode():
            probabilities: npt.NDArray[np.float32] = torch.sigmoid(self._logits(region, slices))[:, 0].numpy()
        return probabilities

    def _logits(self, region: Region, slices: Slices) -> Tensor:
        logits: Tensor = self.nets[region](torch.from_numpy(slices.astype(np.float32, copy=False)))
        return logits


class Monai(TorchEager):
    """The same networks behind MONAI's `SlidingWindowInferer`, at its defaults but for the window."""

    def __init__(self, models: Path) -> None:
        super().__init__(models)
        self._inferer = SlidingWindowInferer(roi_size=WINDOW, sw_batch_size=MICRO_BATCH, overlap=OVERLAP)

    def _logits(self, region: Region, slices: Slices) -> Tensor:
        logits: Tensor = self._inferer(torch.from_numpy(slices), self.nets[region])
        return logits


def torch_net(graph: onnx.ModelProto) -> UNet:
    """The U-Net of an exported graph, its folded weights in place, its batch norms neutral.

    Raises:
        RuntimeError: The graph is no export of a `UNet`.
    """
    weights = {
        tensor.name.removeprefix("net.").removesuffix(".half"): torch.from_numpy(numpy_helper.to_array(tensor).copy())
        for tensor in graph.graph.initializer
        if tensor.name.startswith("net.")
    }
    width, channels = weights["encoders.0.0.weight"].shape[:2]
    net = UNet(int(channels), int(width)).eval()
    state = net.state_dict()
    state |= {name: weight.float() for name, weight in weights.items() if name in state}
    for name, module in net.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            stem, _, place = name.rpartition(".")
            state[f"{name}.bias"] = weights[f"{stem}.{int(place) - 1}.bias"].float()
            state[f"{name}.running_var"] = torch.full_like(state[f"{name}.running_var"], 1.0 - module.eps)
    net.load_state_dict(state)
    return net
