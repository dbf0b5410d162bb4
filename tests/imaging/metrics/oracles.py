"""The libraries that our figures must equal."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import surface_distance
import torch
from medpy.metric import binary
from monai.metrics import compute_hausdorff_distance

BoolVolume = npt.NDArray[np.bool_]


def medpy_hd95_mm(prediction: BoolVolume, reference: BoolVolume, spacing_mm: Sequence[float]) -> float:
    return float(binary.hd95(prediction, reference, voxelspacing=spacing_mm))


def monai_hd95_mm(prediction: BoolVolume, reference: BoolVolume, spacing_mm: Sequence[float]) -> float:
    with warnings.catch_warnings():
        # MONAI passes an argument of its own that it deprecates.
        warnings.filterwarnings("ignore", message=".*always_return_as_numpy", category=FutureWarning)
        distance = compute_hausdorff_distance(
            torch.as_tensor(prediction)[None, None],
            torch.as_tensor(reference)[None, None],
            include_background=True,
            percentile=95,
            spacing=list(spacing_mm),
        )
    return float(distance)


def surface_distance_hd95_mm(
    prediction: BoolVolume, reference: BoolVolume, spacing_mm: Sequence[float], *, percent: float = 95.0
) -> float:
    with warnings.catch_warnings():
        # surface-distance imports from SciPy's old namespaces.
        warnings.filterwarnings("ignore", message="Please import", category=DeprecationWarning)
        distances = surface_distance.compute_surface_distances(reference, prediction, spacing_mm)
    return float(surface_distance.compute_robust_hausdorff(distances, percent))
