"""Rigid registration: are known motions found again, and is what was not found refused?

    GLIOSERVE_BRATS_DIR=... python -m benchmarks.registration [--trials 200] [--log trials.jsonl]

First, all patients as they are: co-registered, so nothing may be moved. Then trials: T1, T2 or FLAIR of a patient,
drawn by the seed, is turned by up to 15 degrees and shifted by up to 20 mm, seen on a grid of its own, and brought
back onto the T1CE. It is recovered when no corner of the box around the brain is off by more than 0.5 mm. Where one is,
the contrast is also aligned unmoved: how far off the same place is then is what the two files lie apart themselves.
Last, heads turned by 60 to 180 degrees, which no patient is: refused or recovered, but never used wrong.

With --log, trials are kept in a file, and those that it holds already are not run again. With GLIOSERVE_RAW_DIR (the
folder of TCGA-FG-6692) the exam's contrasts are also compared with ANTs' results, whose motions are measured from its
images: native ones are fitted to them by normalised correlation under cubic interpolation.

Exit code 1 if an exam as it is was moved, less than 95 % are recovered, or a turned head is used wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.optimize import minimize

from imaging.brats import BratsCase, find_cases
from imaging.geometry import Grid
from imaging.modality import Modality
from imaging.nifti import read_nifti_file
from imaging.registration.errors import RegistrationError
from imaging.registration.motion import RigidMotion
from imaging.registration.rigid import align, align_all
from imaging.resample.volume import resample
from imaging.volume import Volume

SEED = 2024
MAX_ERROR_MM = 0.5
MIN_RECOVERED = 0.95
MOVING = (Modality.T1, Modality.T2, Modality.FLAIR)
RAW_EXAM = "TCGA-FG-6692"
Points = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Trial:
    """A known motion, and what became of it.

    Args:
        kind: `moved` or `turned`.
        number: Which of its kind.
        patient: Which of the sorted cases.
        modality: What was moved.
        rotation_deg: By how much.
        shift_mm: Likewise.
        error_mm: At the worst corner; None where refused.
        unmoved_mm: The same for the contrast as it is, where the error is too large.
        before: Mutual information as sent, nats.
        after: Likewise, aligned.
        refused: Why, or empty.
        cpu_s: Processor time of the alignment, which runs on one thread.
    """

    kind: str
    number: int
    patient: int
    modality: str
    rotation_deg: float
    shift_mm: float
    error_mm: float | None
    unmoved_mm: float | None
    before: float
    after: float
    refused: str
    cpu_s: float

    @property
    def recovered(self) -> bool:
        """Whether the motion was found again."""
        return self.error_mm is not None and self.error_mm <= MAX_ERROR_MM


def main() -> int:
    """Run the benchmark; the exit code."""
    arguments = parse_arguments()
    cases = find_cases(Path(os.environ["GLIOSERVE_BRATS_DIR"]))
    moved_as_is = check_as_they_are(cases) if arguments.as_they_are else 0
    known = read_log(arguments.log)
    trials = list(run(cases, "moved", arguments.trials, known, arguments))
    summarise("turned by up to 15 degrees, shifted by up to 20 mm", trials)
    turned = list(run(cases, "turned", arguments.turned, known, arguments))
    summarise("turned by 60 to 180 degrees", turned)
    if folder := os.environ.get("GLIOSERVE_RAW_DIR"):
        compare_with_ants(Path(folder) / RAW_EXAM)
    too_few = sum(trial.recovered for trial in trials) < MIN_RECOVERED * len(trials)
    wrong = any(not trial.recovered and not trial.refused and (trial.error_mm or 0.0) > 2.0 for trial in turned)
    return 1 if moved_as_is or too_few or wrong else 0


def check_as_they_are(cases: Sequence[BratsCase]) -> int:
    """How many contrasts of co-registered exams are moved or refused; prints it."""
    wrong, started = 0, time.perf_counter()
    for case in cases:
        volumes = {modality: read_nifti_file(path, field=modality.value) for modality, path in case.files.items()}
        try:
            found = align_all(volumes, Modality.T1CE, threads=2)
        except RegistrationError as error:
            print(f"refused: {error}", flush=True)
            wrong += 1
            continue
        wrong += sum(alignment.registered for alignment in found.values())
    seconds = (time.perf_counter() - started) / len(cases)
    print(f"as they are: {wrong} of {3 * len(cases)} contrasts moved or refused, {seconds:.1f} s an exam", flush=True)
    return wrong


def run(
    cases: Sequence[BratsCase],
    kind: str,
    count: int,
    known: dict[tuple[str, int], Trial],
    arguments: argparse.Namespace,
) -> Iterator[Trial]:
    """The trials of a kind, those in the log without running them; prints each."""
    for number in range(count):
        trial = known.get((kind, number))
        if trial is None:
            trial = try_one(cases, kind, number, slice_mm=arguments.slice_mm)
            if arguments.log:
                with arguments.log.open("a", encoding="utf-8") as log:
                    log.write(json.dumps(asdict(trial)) + "\n")
            outcome = f"refused: {trial.refused}" if trial.refused else f"off by {trial.error_mm:.2f} mm"
            print(f"{kind} {number + 1} of {count}: {trial.modality}, {outcome}, {trial.cpu_s:.1f} s", flush=True)
        yield trial


def try_one(cases: Sequence[BratsCase], kind: str, number: int, *, slice_mm: float) -> Trial:
    """Move a contrast and bring it back."""
    rng = np.random.default_rng([SEED, ("moved", "turned").index(kind), number])
    patient, modality = int(rng.integers(len(cases))), MOVING[number % 3]
    fixed = read(cases[patient], Modality.T1CE)
    corners = brain_corners(fixed)
    rotation_deg = float(rng.uniform(0, 15) if kind == "moved" else rng.uniform(60, 180))
    shift_mm = float(rng.uniform(0, 20))
    motion = RigidMotion.about(
        corners.mean(axis=0), rotation_deg=rotation_deg * direction(rng), shift_mm=shift_mm * direction(rng)
    )
    grid = own_grid(motion.apply(corners).mean(axis=0), rng, slice_mm=slice_mm)
    moving = resample(read(cases[patient], modality), grid, motion=motion.inverse())
    started = time.process_time()
    error_mm, unmoved_mm, before, after, refused = None, None, 0.0, 0.0, ""
    try:
        found = align(moving, fixed, field=modality.value)
        error_mm, before, after = (
            found.motion.apart_mm(motion, corners),
            found.similarity_before,
            found.similarity_after,
        )
    except RegistrationError as error:
        refused = str(error)
    cpu_s = time.process_time() - started
    if kind == "moved" and error_mm is not None and error_mm > MAX_ERROR_MM:
        unmoved_mm = unmoved_error_mm(cases[patient], modality, slice_mm)
    return Trial(
        kind=kind,
        number=number,
        patient=patient,
        modality=modality.value,
        rotation_deg=rotation_deg,
        shift_mm=shift_mm,
        error_mm=error_mm,
        unmoved_mm=unmoved_mm,
        before=before,
        after=after,
        refused=refused,
        cpu_s=cpu_s,
    )


def unmoved_error_mm(case: BratsCase, modality: Modality, slice_mm: float) -> float:
    """How far off a contrast is found that was not moved at all, only seen on a grid of its own."""
    fixed = read(case, Modality.T1CE)
    corners = brain_corners(fixed)
    grid = own_grid(corners.mean(axis=0), np.random.default_rng(SEED), slice_mm=slice_mm)
    found = align(resample(read(case, modality), grid), fixed, field=modality.value)
    return found.motion.apart_mm(RigidMotion.identity(), corners)


@cache
def _read(path: Path) -> Volume:
    return read_nifti_file(path, field="volume")


def read(case: BratsCase, modality: Modality) -> Volume:
    """A contrast of a patient; the last few are kept."""
    if _read.cache_info().currsize > 8:
        _read.cache_clear()
    return _read(case.files[modality])


def brain_corners(volume: Volume) -> Points:
    """The corners of the box around a stripped brain, in the world."""
    where = np.argwhere(volume.voxels != 0)
    ends = zip(where.min(axis=0), where.max(axis=0), strict=True)
    corners = np.array(np.meshgrid(*ends)).reshape(3, -1).T
    return np.asarray(corners @ volume.grid.affine[:3, :3].T + volume.grid.affine[:3, 3], dtype=np.float64)


def direction(rng: np.random.Generator) -> Points:
    """A direction, each as likely as any other."""
    vector = rng.standard_normal(3)
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float64)


def own_grid(centre_mm: Points, rng: np.random.Generator, *, slice_mm: float) -> Grid:
    """A grid that a scanner might have chosen for a head at this place: its middle somewhere near."""
    spacing = np.array([1.0, 1.0, slice_mm])
    shape = np.ceil(np.array([240.0, 240.0, 230.0]) / spacing).astype(int)
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = centre_mm + rng.uniform(-10, 10, 3) - spacing * (shape - 1) / 2
    return Grid((int(shape[0]), int(shape[1]), int(shape[2])), affine)


def summarise(what: str, trials: Sequence[Trial]) -> None:
    """Print what became of trials."""
    if not trials:
        return
    refused = [trial for trial in trials if trial.refused]
    used = [trial for trial in trials if not trial.refused]
    errors = sorted(trial.error_mm for trial in used if trial.error_mm is not None)
    recovered = sum(trial.recovered for trial in trials)
    print(f"\n{len(trials)} trials, {what}")
    print(f"  recovered within {MAX_ERROR_MM} mm  {recovered} ({recovered / len(trials):.1%})")
    print(f"  refused                 {len(refused)}")
    print(f"  used, but further off   {len(used) - recovered}")
    for trial in used:
        if not trial.recovered:
            print(f"    {trial.modality}: {trial.error_mm:.2f} mm, unmoved {trial.unmoved_mm or float('nan'):.2f} mm")
    if errors:
        centiles = ", ".join(f"p{centile} {np.percentile(errors, centile):.2f}" for centile in (50, 90, 95, 99, 100))
        print(f"  error at corners, mm    {centiles}")
    print(
        f"  one alignment           {median(trial.cpu_s for trial in trials):.1f} s of processor time (median)",
        flush=True,
    )


def compare_with_ants(folder: Path) -> None:
    """Print how far the motions of a clinical exam are from those of ANTs, over the brain."""
    volumes = {modality: native(folder, f"native_{modality.value}") for modality in Modality}
    brain = native(folder, "reference_hdbet_mask_t1ce")
    fixed = volumes[Modality.T1CE]
    voxels = np.argwhere(brain.voxels > 0)
    points = voxels @ fixed.grid.affine[:3, :3].T + fixed.grid.affine[:3, 3]
    started, used = time.perf_counter(), time.process_time()
    found = align_all(volumes, Modality.T1CE, threads=2)
    wall_s, cpu_s = time.perf_counter() - started, time.process_time() - used
    print(f"\nclinical exam, 5.5 mm slices with skull, {wall_s:.1f} s on two threads ({cpu_s:.1f} s of CPU)")
    for modality, alignment in found.items():
        reference = native(folder, f"reference_ants_{modality.value}_on_t1ce")
        ants, likeness = ants_motion(volumes[modality], reference, voxels, points, alignment.motion)
        apart = np.linalg.norm(alignment.motion.apply(points) - ants.apply(points), axis=1)
        moved = alignment.motion.displacement_mm(points)
        print(
            f"  {modality.value:5}  moved by up to {moved.max():.1f} mm, {alignment.similarity_before:.3f} to "
            f"{alignment.similarity_after:.3f} nats; from ANTs at most {apart.max():.2f} mm, "
            f"mean {apart.mean():.2f} mm (ANTs' motion measured to a correlation of {likeness:.4f})"
        )


def native(folder: Path, name: str) -> Volume:
    """A file of the clinical exam."""
    return read_nifti_file(folder / f"{name}.nii.gz", field=name)


def ants_motion(
    moving: Volume, reference: Volume, voxels: npt.NDArray[np.intp], points: Points, start: RigidMotion
) -> tuple[RigidMotion, float]:
    """The motion that makes the reference of the moving volume, and their correlation under it.

    Only places well inside the moving field of view count: beyond it ANTs writes zeros.
    """
    to_voxels = np.linalg.inv(moving.grid.affine)

    def positions(motion: RigidMotion) -> Points:
        return np.asarray(motion.apply(kept) @ to_voxels[:3, :3].T + to_voxels[:3, 3], dtype=np.float64)

    kept = points
    inside = ((positions(start) >= 1.5) & (positions(start) <= np.array(moving.grid.shape) - 2.5)).all(axis=1)
    chosen = np.flatnonzero(inside)[::11]
    kept, centre = points[chosen], points.mean(axis=0)
    wanted = reference.voxels[tuple(voxels[chosen].T)].astype(np.float64)
    smooth = ndimage.spline_filter(moving.voxels.astype(np.float64), 3)

    def moved(steps: Iterable[float]) -> RigidMotion:
        steps = np.fromiter(steps, dtype=np.float64)
        return start.after(RigidMotion.about(centre, rotation_deg=steps[:3], shift_mm=steps[3:]))

    def unlike(steps: Iterable[float]) -> float:
        values = ndimage.map_coordinates(smooth, positions(moved(steps)).T, order=3, prefilter=False, mode="nearest")
        return -float(np.corrcoef(wanted, values)[0, 1])

    best = minimize(unlike, np.zeros(6), method="Powell", options={"xtol": 1e-3, "ftol": 1e-7})
    return moved(best.x), -float(best.fun)


def read_log(path: Path | None) -> dict[tuple[str, int], Trial]:
    """The trials of an earlier run."""
    if path is None or not path.exists():
        return {}
    trials = [Trial(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    return {(trial.kind, trial.number): trial for trial in trials}


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--turned", type=int, default=40, help="heads turned too far")
    parser.add_argument("--slice-mm", type=float, default=1.0, help="thickness of the moved contrast's slices")
    parser.add_argument("--log", type=Path, help="where trials are kept, to go on after a stop")
    parser.add_argument("--as-they-are", action=argparse.BooleanOptionalAction, default=True)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
