"""Metrics: three regions of an exam in what time, and HD95 beside MedPy, MONAI, surface-distance and SimpleITK.

    python -m benchmarks.metrics [--pairs 5] [--cases 20]

Masks have the size of BraTS images. With GLIOSERVE_BRATS_DIR set to a folder of BraTS cases, references are those
patients' tumours too. A prediction is its reference with another outline ("good"), or that moved by 12 voxels
("poor"): the further surfaces are apart, the longer the search for the nearest point takes. The values must be those of
the other libraries; HD95 is timed on one core, the three regions on all.
"""

from __future__ import annotations

import argparse
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import nibabel as nib
import numpy as np
import numpy.typing as npt
import SimpleITK
import surface_distance
import torch
from medpy.metric import binary
from monai.metrics import compute_hausdorff_distance
from scipy import ndimage

from benchmarks.bare import pin_to_one_core
from benchmarks.pairing import Spread, by_turns, clocked
from benchmarks.record import Claim, Record, Table, publish
from benchmarks.workload import DATA_VARIABLE, FIRST_PHANTOM, common_options, options_of
from imaging.evaluation import compare_exam
from imaging.metrics.hd95 import Hd95Definition, compute_hd95_mm
from imaging.metrics.overlap import compute_dsc, count_confusion
from imaging.metrics.regions import MetricConventions
from imaging.phantom import make_phantom

BoolVolume = npt.NDArray[np.bool_]

SHAPE = (240, 240, 155)
SPACING_MM = (1.0, 1.0, 1.0)
TOLERANCE_MM = 1e-4
PATIENTS = 3
LIMIT_MS = 100.0
"""For the metrics of three regions."""


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


def simpleitk_mm(case: Case) -> float:
    """HD95 as SimpleITK's users compute it: distance maps of the outlines, read off at each other's outline."""
    outlines = [SimpleITK.LabelContour(_image(mask)) for mask in (case.prediction, case.reference)]
    maps = [
        SimpleITK.SignedMaurerDistanceMap(outline, squaredDistance=False, useImageSpacing=True) for outline in outlines
    ]
    distances = [
        np.abs(SimpleITK.GetArrayViewFromImage(away))[SimpleITK.GetArrayViewFromImage(outline) != 0]
        for away, outline in zip(reversed(maps), outlines, strict=True)
    ]
    return float(np.percentile(np.concatenate(distances), 95))


def _image(mask: BoolVolume) -> SimpleITK.Image:
    image = SimpleITK.GetImageFromArray(mask.T.astype(np.uint8))
    image.SetSpacing(SPACING_MM)
    return image


OTHERS: dict[str, tuple[Hd95Definition, Callable[[Case], float]]] = {
    "MedPy": (Hd95Definition.POOLED, medpy_mm),
    "SimpleITK": (Hd95Definition.POOLED, simpleitk_mm),
    "MONAI": (Hd95Definition.DIRECTED_MAX, monai_mm),
    "surface-distance": (Hd95Definition.SURFEL_WEIGHTED, surface_distance_mm),
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
    folder = os.environ.get(DATA_VARIABLE)
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
    """Measure and publish; fail when a value differs from the other library's."""
    arguments = parse_arguments()
    # The other libraries' own deprecations, which would break up the table.
    warnings.filterwarnings("ignore", category=DeprecationWarning, module="surface_distance")
    warnings.filterwarnings("ignore", message=".*always_return_as_numpy", category=FutureWarning)
    regions_ms = three_regions(arguments.pairs)
    pin_to_one_core()
    # One thread too, where the core can't be chosen; the rest of what is measured starts none.
    torch.set_num_threads(1)
    SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    rows, ratios = [], dict[str, list[float]]()
    for case in islice(cases(), arguments.cases):
        dsc = compute_dsc(count_confusion(case.prediction, case.reference))
        for library in OTHERS:
            cells, ratio = compare(case, library, pairs=arguments.pairs)
            rows.append([case.name, f"{dsc:.3f}", f"{np.count_nonzero(case.reference)}", *cells])
            ratios.setdefault(library, []).append(ratio)
    claims = [
        Claim(
            "metrics of three regions, DSC, HD95, sensitivity and specificity",
            f"below {LIMIT_MS:.0f} ms",
            f"{regions_ms.text(0)} ms",
            regions_ms.median < LIMIT_MS,
        ),
        *(
            Claim(
                f"HD95 against {library}, the same values",
                "faster in every case",
                f"{spread.text(1)} times",
                spread.least > 1,
            )
            for library, spread in ((library, Spread.of(all_ratios)) for library, all_ratios in ratios.items())
        ),
    ]
    columns = ["case", "DSC", "voxels", "definition", "HD95, mm", "ours, ms", "other", "other, ms", "ratio"]
    table = Table("HD95 on one core; medians, and the median of the pairs' ratios.", columns, rows)
    publish(Record("metrics", options_of(arguments), claims, [table]), arguments.results)


def three_regions(pairs: int) -> Spread:
    """Milliseconds of the metrics of a phantom's regions against others of the same tumour, on all cores."""
    phantom = make_phantom(FIRST_PHANTOM)
    drawn = {region: other_outline(mask, seed=2) for region, mask in phantom.masks.items()}
    compute = clocked(lambda: compare_exam(drawn, phantom.masks, exam=phantom.exam, conventions=MetricConventions()))
    compute()
    return Spread.of([compute() * 1e3 for _ in range(pairs)])


def compare(case: Case, library: str, *, pairs: int) -> tuple[list[str], float]:
    """The cells of a row, and the ratio of times.

    Raises:
        SystemExit: The values differ.
    """
    definition, other = OTHERS[library]

    def ours() -> float:
        return compute_hd95_mm(case.prediction, case.reference, spacing_mm=SPACING_MM, definition=definition)

    value_mm, other_mm = ours(), other(case)
    if abs(value_mm - other_mm) > TOLERANCE_MM:
        raise SystemExit(f"{case.name}: {definition.value} is {value_mm} mm, but {library} gives {other_mm} mm")
    rounds = by_turns({"ours": clocked(ours), library: clocked(lambda: other(case))}, rounds=pairs, warm_ups=0)
    ratio = rounds.ratio(library, "ours").median
    times = [f"{rounds.spread('ours').median * 1e3:.1f}", library, f"{rounds.spread(library).median * 1e3:.0f}"]
    return [definition.value, f"{value_mm:.3f}", *times, f"{ratio:.1f}"], ratio


def parse_arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = common_options(__doc__, pairs=5, models=False)
    parser.add_argument("--cases", type=int, default=20, help="the first so many")
    return parser.parse_args(given)


if __name__ == "__main__":
    main()
