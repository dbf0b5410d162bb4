"""Small exams on disk: a head with a tumour of three nested regions, on a grid whose axes are not RAS+."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import numpy.typing as npt
from glioserve import ExamFiles, LabelScheme, Modality, Region

SHAPE = (30, 26, 22)
AFFINE = np.diag([-2.0, -2.0, 2.0, 1.0])  # LPS: I runs to the patient's left, J to the back
VOXEL_ML = 0.008

BRATS_2018_SUFFIX = {"t1": "_t1", "t1ce": "_t1ce", "t2": "_t2", "flair": "_flair", "reference": "_seg"}
BRATS_2023_SUFFIX = {"t1": "-t1n", "t1ce": "-t1c", "t2": "-t2w", "flair": "-t2f", "reference": "-seg"}


def ball(centre: tuple[float, float, float], radius: float) -> npt.NDArray[np.bool_]:
    """The voxels around a point, `bool [i, j, k]`; lengths in voxels."""
    axes = np.indices(SHAPE, dtype=float)
    distance = sum((axis - middle) ** 2 for axis, middle in zip(axes, centre, strict=True))
    return np.asarray(distance <= radius**2)


HEAD = ball((14.5, 12.5, 10.5), 10.0)
TUMOUR_CENTRE = (10.0, 12.0, 11.0)
MASKS = {Region.WT: ball(TUMOUR_CENTRE, 5.0), Region.TC: ball(TUMOUR_CENTRE, 3.7), Region.ET: ball(TUMOUR_CENTRE, 2.0)}


def labels(scheme: LabelScheme = LabelScheme.BRATS_2018) -> npt.NDArray[np.uint8]:
    """The tumour as a label map, `uint8 [i, j, k]`."""
    of = scheme.region_labels
    (et,) = of[Region.ET]
    (ncr,) = of[Region.TC] - of[Region.ET]
    (ed,) = of[Region.WT] - of[Region.TC]
    out = np.zeros(SHAPE, dtype=np.uint8)
    for region, value in ((Region.WT, ed), (Region.TC, ncr), (Region.ET, et)):
        out[MASKS[region]] = value
    return out


def contrast(modality: Modality) -> npt.NDArray[np.float32]:
    """Grey head, brighter tumour, `float32 [i, j, k]`."""
    out = np.where(HEAD, 100.0 + 10.0 * list(Modality).index(modality), 0.0)
    out[MASKS[Region.WT]] *= 2.0
    return out.astype(np.float32)


def nifti_bytes(array: npt.NDArray[np.generic], affine: npt.NDArray[np.float64] = AFFINE) -> bytes:
    """A `.nii` file."""
    return bytes(nib.Nifti1Image(array, affine).to_bytes())


def nifti_gz(array: npt.NDArray[np.generic], affine: npt.NDArray[np.float64] = AFFINE) -> bytes:
    """A `.nii.gz` file."""
    return gzip.compress(nifti_bytes(array, affine), compresslevel=1)


def write_case(
    folder: Path,
    *,
    suffix: dict[str, str] = BRATS_2018_SUFFIX,
    case: str = "Jane_Doe_1970",
    reference: npt.NDArray[np.generic] | None = None,
) -> Path:
    """A case folder. Its default name is a patient's, to be looked for where it must not be."""
    folder.mkdir(parents=True, exist_ok=True)
    for modality in Modality:
        path = folder / f"{case}{suffix[modality.value]}.nii.gz"
        path.write_bytes(nifti_gz(contrast(modality)))
    if reference is not None:
        (folder / f"{case}{suffix['reference']}.nii.gz").write_bytes(nifti_gz(reference))
    return folder


def exam_files(folder: Path, case: str = "Jane_Doe_1970") -> ExamFiles:
    """The four files of `write_case`."""
    return ExamFiles(**{each.value: folder / f"{case}_{each.value}.nii.gz" for each in Modality})
