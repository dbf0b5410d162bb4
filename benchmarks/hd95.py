"""HD95 against MedPy, MONAI and surface-distance: the same values, in what time, on one core.

    python benchmarks/hd95.py [--pairs 5]

Masks have the size of BraTS images. With GLIOSERVE_BRATS_DIR set to a folder of BraTS cases, references are those
patients' tumours too. A prediction is its reference with another outline ("good"), or that moved by 12 voxels
("poor"): the further surfaces are apart, the longer the search for the nearest point takes.
"""

from __future__ import annotations

import argparse
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import numpy.typing as npt
import surface_distance
import torch
from medpy.metric import binary
from monai.metrics import compute_hausdorff_distance
from pairing import time_paired
from scipy import ndimage

from imaging.metrics.hd95 import Hd95Definition, compute_hd95_mm
from imaging.metrics.overlap import compute_dsc, count_confusion

BoolVolume = npt.NDArray[np.bool_]

SHAPE = (240, 240, 155)
SPACING_MM = (1.0, 1.0, 1.0)
TOLERANCE_MM = 1e-4
PATIENTS = 3


@dataclass(frozen=True)
class Case:
    """Two masks to compare, `bool [i, j, k]`."""

    name: str
    prediction: BoolVolume
    reference: BoolVolume


def medpy_mm(case: Case) -> float:
    """MedPy's HD95."""
    return float(binary.hd95(case.prediction, case.reference, voxelspacing=SPACING_MM))


def monai_mm(case: Case) -> float:
    """MONAI's HD95."""
    prediction, reference = (torch.as_tensor(mask)[None, None] for mask in (case.prediction, case.reference))
    return float(
        compute_hausdorff_distance(
            prediction, reference, include_background=True, percentile=95, spacing=list(SPACING_MM)
        )
    )


def surface_distance_mm(case: Case) -> float:
    """surface-distance's HD95."""
    distances = surface_distance.compute_surface_distances(case.reference, case.prediction, SPACING_MM)
    return float(surface_distance.compute_robust_hausdorff(distances, 95))


OTHERS: dict[Hd95Definition, tuple[str, Callable[[Case], float]]] = {
    Hd95Definition.POOLED: ("medpy", medpy_mm),
    Hd95Definition.DIRECTED_MAX: ("monai", monai_mm),
    Hd95Definition.SURFEL_WEIGHTED: ("surface-distance", surface_distance_mm),
}


def synthetic_tumour(seed: int, radius_voxels: float) -> BoolVolume:
    """An ellipsoid with a ragged outline, in an image of BraTS's size."""
    rng = np.random.default_rng(seed)
    centre = np.array(SHAPE) * (0.5, 0.4, 0.5)
    axes = radius_voxels * rng.uniform(0.75, 1.3, 3)
    grid = np.meshgrid(*[np.arange(extent) for extent in SHAPE], indexing="ij", sparse=True)
    squares = [((along - at) / axis) ** 2 for along, at, axis in zip(grid, centre, axes, strict=True)]
    return np.asarray(np.sqrt(squares[0] + squares[1] + squares[2]) + _ragged(rng, 0.15) < 1)


def other_outline(reference: BoolVolume, seed: int) -> BoolVolume:
    """The same tumour with its outline drawn anew, a voxel or two off."""
    rng = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(reference.astype(np.float32), 1.5)
    # Noise only moves what is near the outline: elsewhere `smooth` is 0 or 1.
    return np.asarray(smooth + _ragged(rng, 0.15) * (smooth > 0.02) > 0.5)


def _ragged(rng: np.random.Generator, amplitude: float) -> npt.NDArray[np.float32]:
    noise = ndimage.gaussian_filter(rng.standard_normal(SHAPE, dtype=np.float32), 3)
    return np.asarray(amplitude * noise / noise.std(), dtype=np.float32)


def cases() -> Iterator[Case]:
    """Synthetic masks, and real ones where they are at hand."""
    references = [(f"synthetic r={radius}", synthetic_tumour(radius, radius)) for radius in (10, 20, 30)]
    folder = os.environ.get("GLIOSERVE_BRATS_DIR")
    if folder is not None:
        for number, file in enumerate(sorted(Path(folder).glob("*/*_seg.nii*"))[:PATIENTS], start=1):
            labels = np.asarray(nib.load(file).dataobj)
            references.append((f"patient {number} WT", labels > 0))
            references.append((f"patient {number} TC", (labels > 0) & (labels != 2)))
    for name, reference in references:
        if not reference.any():
            continue
        prediction = other_outline(reference, seed=1)
        yield Case(f"{name}, good", prediction, reference)
        if name.endswith(("30", "WT")):
            yield Case(f"{name}, poor", np.roll(prediction, 12, axis=0), reference)


def main() -> None:
    """Print the table; fail when a value differs from the other library's."""
    parser = argparse.ArgumentParser(description="HD95 against MedPy, MONAI and surface-distance, on one core.")
    parser.add_argument("--pairs", type=int, default=5, help="how often each is timed (default: 5)")
    pairs: int = parser.parse_args().pairs
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    # One thread too, where the core can't be chosen; the rest of what is measured starts none.
    torch.set_num_threads(1)
    # The other libraries' own deprecations, which would break up the table.
    warnings.filterwarnings("ignore", category=DeprecationWarning, module="surface_distance")
    warnings.filterwarnings("ignore", message=".*always_return_as_numpy", category=FutureWarning)

    print("| case | DSC | voxels | definition | HD95 (mm) | ours (ms) | other | other (ms) | ratio |")
    print("|---|---|---|---|---|---|---|---|---|")
    for case in cases():
        dsc = compute_dsc(count_confusion(case.prediction, case.reference))
        for definition, (library, other) in OTHERS.items():
            compare(case, definition, library, other, dsc=dsc, pairs=pairs)


def compare(
    case: Case, definition: Hd95Definition, library: str, other: Callable[[Case], float], *, dsc: float, pairs: int
) -> None:
    """Print one row.

    Raises:
        SystemExit: The values differ.
    """

    def ours() -> float:
        return compute_hd95_mm(case.prediction, case.reference, spacing_mm=SPACING_MM, definition=definition)

    value_mm, other_mm = ours(), other(case)
    if abs(value_mm - other_mm) > TOLERANCE_MM:
        raise SystemExit(f"{case.name}: {definition.value} is {value_mm} mm, but {library} gives {other_mm} mm")
    times = time_paired(ours, lambda: other(case), pairs=pairs, warm_ups=0)
    print(
        f"| {case.name} | {dsc:.3f} | {np.count_nonzero(case.reference)} | {definition.value} | {value_mm:.3f} | "
        f"{times.first_median_s * 1e3:.1f} | {library} | {times.second_median_s * 1e3:.0f} | {times.ratio:.1f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
