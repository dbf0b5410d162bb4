"""An exam as a scanner sends it: thick slices, a grid of its own for each contrast, a skull, a patient who moved."""

from __future__ import annotations

from pathlib import Path

import glioserve as gs
import numpy as np
import numpy.typing as npt

from tests.client.exams import nifti_gz

Float = npt.NDArray[np.float64]

TUMOUR_MM = np.array([25.0, 10.0, 5.0])
SHIFT_MM = np.array([6.0, -3.0, 8.0])
"""How far T2 lies from where T1CE's world says."""
MOVED = gs.Modality.T2


def turned(degrees: float, axis: int, shift_mm: npt.ArrayLike = (0.0, 0.0, 0.0)) -> Float:
    """A rigid motion, `float64 [4, 4]`: a turn about an axis of the world, then a shift."""
    angle = np.radians(degrees)
    first, second = (each for each in range(3) if each != axis)
    out = np.eye(4)
    out[first, first] = out[second, second] = np.cos(angle)
    out[first, second], out[second, first] = -np.sin(angle), np.sin(angle)
    out[:3, 3] = shift_mm
    return out


def grid(spacing_mm: tuple[float, float, float], shape: tuple[int, int, int], oblique: Float | None = None) -> Float:
    """The affine of a grid whose middle is the world's origin, in LPS order, `float64 [4, 4]`."""
    affine = np.diag([-spacing_mm[0], -spacing_mm[1], spacing_mm[2], 1.0])
    affine = (np.eye(4) if oblique is None else oblique) @ affine
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return affine


GRIDS = {
    gs.Modality.T1: (grid((2.0, 2.0, 2.0), (80, 96, 70)), (80, 96, 70)),
    gs.Modality.T1CE: (grid((2.0, 2.0, 6.0), (84, 100, 24)), (84, 100, 24)),
    gs.Modality.T2: (grid((2.5, 2.5, 5.0), (64, 80, 30), turned(12.0, 0)), (64, 80, 30)),
    gs.Modality.FLAIR: (grid((2.2, 2.2, 6.0), (74, 90, 25), turned(-5.0, 1)), (74, 90, 25)),
}
MOTIONS = {each: turned(3.0, 2, SHIFT_MM) if each is MOVED else np.eye(4) for each in gs.Modality}


def distance(points_mm: Float, centre_mm: npt.ArrayLike, radii_mm: npt.ArrayLike) -> Float:
    """Of points `[3, ...]` from an ellipsoid's centre, 1 on its surface."""
    rest = (1,) * (points_mm.ndim - 1)
    scaled = (points_mm - np.reshape(centre_mm, (3, *rest))) / np.reshape(radii_mm, (3, *rest))
    return np.asarray(np.sqrt((scaled**2).sum(axis=0)))


def head(points_mm: Float) -> Float:
    """Grey values at points of the head: scalp, skull, brain, ventricles, a tumour on the patient's right."""
    scalp = distance(points_mm, (0, 0, 0), (74, 90, 64))
    brain = distance(points_mm, (0, 0, 0), (62, 78, 54))
    out = np.where(scalp <= 1, 300.0, 0.0)
    out[distance(points_mm, (0, 0, 0), (69, 85, 60)) <= 1] = 20.0
    out[brain <= 1] = 120.0
    for side in (-12.0, 12.0):
        out[distance(points_mm, (side, -5, 8), (7, 26, 12)) <= 1] = 40.0
    out[distance(points_mm, TUMOUR_MM, (18, 18, 18)) <= 1] = 200.0
    return out


def positions(modality: gs.Modality) -> Float:
    """Of a contrast's voxels in its own world, `float64 [3, i, j, k]`."""
    affine, shape = GRIDS[modality]
    return np.asarray(np.tensordot(affine[:3, :3], np.indices(shape), axes=1) + affine[:3, 3].reshape(3, 1, 1, 1))


def in_t1ce(modality: gs.Modality) -> Float:
    """The same in the T1CE's world."""
    back = np.linalg.inv(MOTIONS[modality])
    at = positions(modality)
    return np.asarray(np.tensordot(back[:3, :3], at, axes=1) + back[:3, 3].reshape(3, 1, 1, 1))


def write_exam(folder: Path) -> gs.Case:
    """The exam's four files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for each in gs.Modality:
        paths[each.value] = folder / f"Jane_Doe_1970_{each.value}.nii.gz"
        paths[each.value].write_bytes(nifti_gz(head(in_t1ce(each)).astype(np.float32), GRIDS[each][0]))
    return gs.Case(gs.ExamFiles(**paths))


def labels(on: gs.Modality) -> npt.NDArray[np.uint8]:
    """The tumour in BraTS 2018 labels, on a contrast's grid."""
    away = distance(in_t1ce(on), TUMOUR_MM, (1, 1, 1))
    return np.select([away <= 8, away <= 13, away <= 18], [4, 1, 2], 0).astype(np.uint8)


def brain(on: gs.Modality) -> npt.NDArray[np.uint8]:
    """The brain's mask, on a contrast's grid."""
    return np.asarray(distance(in_t1ce(on), (0, 0, 0), (62, 78, 54)) <= 1).astype(np.uint8)


FINDINGS = (
    gs.Finding(gs.FindingRule.SLICE_THICKNESS, gs.Severity.WARN, "flair", "must have slices of at most 3 mm", "6 mm"),
    gs.Finding(gs.FindingRule.LEFT_RIGHT, gs.Severity.REFUSE, "exam", "must tell <left> from right", "doubt & worse"),
)


def preparations() -> tuple[gs.Preparation, ...]:
    """What a good server would have done."""
    return tuple(
        gs.Preparation(
            modality=each,
            registered=each is MOVED,
            resampled=True,
            brain_extracted=True,
            motion=MOTIONS[each],
            similarity_before=0.25 if each is MOVED else 0.0,
            similarity_after=0.5 if each is MOVED else 0.0,
        )
        for each in gs.Modality
    )


def result(*, on: gs.Modality = gs.Modality.T1CE, empty: bool = False) -> gs.SegmentationResult:
    """What a good server would have said of it."""
    found = labels(on) * (0 if empty else 1)
    affine = GRIDS[on][0]
    voxel_ml = float(abs(np.linalg.det(affine[:3, :3])) / 1000.0)
    regions = gs.LabelScheme.BRATS_2018.region_labels
    counts = {region: int(np.isin(found, sorted(regions[region])).sum()) for region in gs.Region}
    return gs.SegmentationResult(
        label_map=gs.LabelMap(nifti_gz(found, affine), gs.LabelScheme.BRATS_2018),
        volumes=tuple(gs.RegionVolume(region, count * voxel_ml, count, 0) for region, count in counts.items()),
        metrics=(),
        conventions=None,
        reference_label_scheme=None,
        timings=(gs.StageTiming("register", 5.25), gs.StageTiming("segment_wt", 1.5)),
        models=(gs.ModelInfo("unet_wt", "3", "c0ffee" * 10 + "0042", gs.Region.WT, ("t1", "flair")),),
        warnings=("The model saw <b>no</b> such case.",),
        notes=(),
        server_version="9.8.7",
        engine="triton",
        output_grid=on,
        findings=FINDINGS,
        preparations=preparations(),
        brain_mask=gs.BrainMask(nifti_gz(brain(on), affine)),
    )
