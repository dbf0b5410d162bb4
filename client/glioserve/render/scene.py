"""An exam and its masks as pictures are made from them: in RAS+ order, windowed, cropped to the head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import nibabel as nib
import numpy as np
import numpy.typing as npt

from glioserve.errors import LocalInputError
from glioserve.exam_files import Case
from glioserve.label_map import LabelMap
from glioserve.nifti import read_array
from glioserve.terms import Modality, Region

WINDOW_PERCENTILES = (1.0, 99.7)
"""Black and white of a picture, percentiles of the voxels that are not air."""
AIR_SHARE = 0.05
"""Voxels below this share of the bright ones are air, where the head is searched for."""
MARGIN_MM = 4.0
"""Air left around the head."""

Masks = Mapping[Region, npt.NDArray[np.bool_]]


@dataclass(frozen=True)
class Scene:
    """What is drawn.

    Args:
        contrasts: Grey values, `uint8 [i, j, k]`, RAS+ order, all of one shape.
        masks: WT, TC and ET, `bool [i, j, k]`.
        reference: The same of the reference, if there is one.
        spacing_mm: Of the voxels, along I, J, K.
        origin: Where the crop begins in the RAS+ volume, voxels.
        full_shape: Of the RAS+ volume, voxels.
    """

    contrasts: Mapping[Modality, npt.NDArray[np.uint8]]
    masks: Masks
    reference: Masks | None
    spacing_mm: tuple[float, float, float]
    origin: tuple[int, int, int]
    full_shape: tuple[int, int, int]

    @classmethod
    def of(cls, case: Case, label_map: LabelMap) -> Scene:
        """The scene of an exam and its result.

        Raises:
            LocalInputError: A file of the exam can't be read any more, or is on another grid than the label map.
        """
        image = nib.as_closest_canonical(label_map.image)
        shape = tuple(image.shape)
        contrasts = {each: _windowed(_read(case, each, shape)) for each in Modality}
        masks = _masks(np.asarray(image.dataobj), label_map.label_scheme.region_labels)
        reference = None
        if case.reference is not None:
            labels = read_array(case.reference.path, field="reference")
            _check_shape(labels, shape, "reference")
            reference = _masks(labels, case.reference.label_scheme.region_labels)
        zooms = tuple(float(size) for size in image.header.get_zooms()[:3])
        spacing_mm = (zooms[0], zooms[1], zooms[2])
        box = _head_box(contrasts, masks[Region.WT], spacing_mm)
        return cls(
            contrasts={each: grey[box] for each, grey in contrasts.items()},
            masks={region: mask[box] for region, mask in masks.items()},
            reference=None if reference is None else {region: mask[box] for region, mask in reference.items()},
            spacing_mm=spacing_mm,
            origin=(box[0].start, box[1].start, box[2].start),
            full_shape=(shape[0], shape[1], shape[2]),
        )


def _read(case: Case, modality: Modality, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    voxels = read_array(case.exam.path(modality), field=modality.value)
    _check_shape(voxels, shape, modality.value)
    return voxels


def _check_shape(voxels: npt.NDArray[np.float32], shape: tuple[int, ...], field: str) -> None:
    if voxels.shape != shape:
        raise LocalInputError(field, "must be on the grid of the label map to be drawn", f"shape {voxels.shape}")


def _masks(labels: npt.NDArray[np.generic], region_labels: Mapping[Region, frozenset[int]]) -> Masks:
    return {region: np.isin(labels, sorted(values)) for region, values in region_labels.items()}


def _windowed(voxels: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Grey values of one contrast. Skull-stripped exams are 0 outside the brain; that part sets no window."""
    inside = voxels[voxels > 0]
    if not inside.size:
        return np.zeros(voxels.shape, dtype=np.uint8)
    black, white = np.percentile(inside, WINDOW_PERCENTILES)
    black = min(black, 0.3 * white)  # tissue near the dark end stays apart from air
    grey: npt.NDArray[np.float32] = (voxels - np.float32(black)) * np.float32(255.0 / max(white - black, 1e-6))
    return grey.clip(0.0, 255.0).astype(np.uint8)


def _head_box(
    contrasts: Mapping[Modality, npt.NDArray[np.uint8]],
    tumour: npt.NDArray[np.bool_],
    spacing_mm: tuple[float, float, float],
) -> tuple[slice, slice, slice]:
    head = tumour | (contrasts[Modality.T2] > AIR_SHARE * 255) | (contrasts[Modality.T1CE] > AIR_SHARE * 255)
    sides: list[slice] = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        found = np.flatnonzero(head.any(axis=others))
        margin = int(np.ceil(MARGIN_MM / spacing_mm[axis]))
        first, last = (int(found[0]), int(found[-1])) if found.size else (0, head.shape[axis] - 1)
        sides.append(slice(max(first - margin, 0), min(last + 1 + margin, head.shape[axis])))
    return sides[0], sides[1], sides[2]
