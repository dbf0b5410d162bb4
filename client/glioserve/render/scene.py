"""An exam and its masks as pictures are made from them: on the grid of the label map, cropped to the head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import nibabel as nib
import numpy as np
import numpy.typing as npt

from glioserve.errors import LocalInputError
from glioserve.exam_files import Case
from glioserve.label_map import labelled
from glioserve.nifti import Voxels
from glioserve.render.ahead import Backdrop, ReadAhead
from glioserve.render.contrast import Contrast, Frame, brain_points, place
from glioserve.render.planes import Plane
from glioserve.render.sampling import Shape
from glioserve.results import Preparation, SegmentationResult
from glioserve.terms import Modality, Region

AIR_SHARE = 0.1
"""Voxels below this share of the bright ones are air, where the head is searched for."""
HEAD_SHARE = 0.002
"""Slices with a smaller share of other voxels hold noise, not the head."""
MARGIN_MM = 4.0
"""Air left around the head."""

Mask = npt.NDArray[np.bool_]
Masks = Mapping[Region, Mask]


@dataclass(frozen=True, eq=False)
class Scene:
    """What is drawn.

    Args:
        contrasts: Intensities with their place.
        masks: WT, TC and ET, `bool [i, j, k]`, RAS+ order, on the crop.
        reference: The same of the reference, if there is one.
        brain: What was taken for the brain, likewise; None where the exam came skull-stripped.
        preparations: What was done to each contrast; none where the server does not tell.
        spacing_mm: Of the voxels, along I, J, K.
        origin: Where the crop begins in the label map's RAS+ volume, voxels.
        full_shape: Of that volume, voxels.
        affine: Voxel indices of that volume to the T1CE's world, RAS+ mm, `float64 [4, 4]`.
    """

    contrasts: Mapping[Modality, Contrast]
    masks: Masks
    reference: Masks | None
    brain: Mask | None
    preparations: Mapping[Modality, Preparation]
    spacing_mm: tuple[float, float, float]
    origin: tuple[int, int, int]
    full_shape: Shape
    affine: npt.NDArray[np.float64]

    @classmethod
    def of(cls, case: Case, result: SegmentationResult) -> Scene:
        """The scene of an exam and its result.

        Raises:
            LocalInputError: A file of the exam can't be read any more, or is not where the result says.
        """
        with ReadAhead(case) as ahead:
            return cls.over(ahead.backdrop(), result)

    @classmethod
    def over(cls, backdrop: Backdrop, result: SegmentationResult) -> Scene:
        """The same of an exam that was read before.

        Raises:
            LocalInputError: A file of the exam is not where the result says.
        """
        image = nib.as_closest_canonical(result.label_map.image)
        affine = np.asarray(image.affine, dtype=np.float64)
        masks = _masks(np.asarray(image.dataobj), result.label_map.label_scheme.region_labels)
        shape = _shape(masks[Region.WT])
        reference = None
        told, labels = backdrop.case.reference, backdrop.reference
        if told is not None and labels is not None:
            if labels.shape != shape:
                rule = "must be on the grid of the label map to be drawn"
                raise LocalInputError("reference", rule, f"shape {labels.shape}")
            reference = _masks(labels, told.label_scheme.region_labels)
        brain = None
        if result.brain_mask is not None:
            brain = np.asarray(nib.as_closest_canonical(result.brain_mask.image).dataobj) > 0
        preparations = {each.modality: each for each in result.preparations}
        to_t1ce: npt.NDArray[np.float64] = np.eye(4)
        if result.output_grid in preparations:
            to_t1ce = np.asarray(np.linalg.inv(preparations[result.output_grid].motion), dtype=np.float64)
        frame = Frame(shape, affine, to_t1ce, None if brain is None else brain_points(brain))
        contrasts = {
            each: place(read, frame, preparations.get(each), field=each.value)
            for each, read in backdrop.contrasts.items()
        }
        zooms = tuple(float(size) for size in image.header.get_zooms()[:3])
        spacing_mm = (zooms[0], zooms[1], zooms[2])
        head = masks[Region.WT] if brain is None else masks[Region.WT] | brain
        shown = contrasts[result.output_grid]
        box = _head_box(shown.window.brighter(shown.voxels, AIR_SHARE), head, spacing_mm)
        return cls(
            contrasts=contrasts,
            masks={region: mask[box] for region, mask in masks.items()},
            reference=None if reference is None else {region: mask[box] for region, mask in reference.items()},
            brain=None if brain is None else brain[box],
            preparations=preparations,
            spacing_mm=spacing_mm,
            origin=(box[0].start, box[1].start, box[2].start),
            full_shape=shape,
            affine=to_t1ce @ affine,
        )

    @property
    def shape(self) -> Shape:
        """Of the crop, voxels."""
        return _shape(self.masks[Region.WT])

    @property
    def centre(self) -> tuple[int, int, int]:
        """The middle of the brain where its mask is known, else of the crop; voxel indices of the crop."""
        shape = self.shape
        if self.brain is None or not self.brain.any():
            return shape[0] // 2, shape[1] // 2, shape[2] // 2
        i, j, k = (round(float(along.mean())) for along in np.nonzero(self.brain))
        return i, j, k

    @property
    def centre_mm(self) -> npt.NDArray[np.float64]:
        """The same in the T1CE's world, RAS+ mm, `float64 [3]`."""
        at = np.add(self.centre, self.origin)
        out: npt.NDArray[np.float64] = self.affine[:3, :3] @ at + self.affine[:3, 3]
        return out

    def picture(
        self, modality: Modality, plane: Plane, index: int, size: tuple[int, int], *, as_sent: bool = False
    ) -> npt.NDArray[np.uint8]:
        """One slice of one contrast.

        Args:
            modality: Which contrast.
            plane: Which way it is cut.
            index: Voxel index in the crop, along the plane's axis.
            size: Width and height of the picture, pixels.
            as_sent: Leave the motion of the registration out.

        Returns:
            `uint8 [row, column]`.
        """
        contrast = self.contrasts[modality]
        return contrast.picture(plane, index, origin=self.origin, shape=self.shape, size=size, as_sent=as_sent)


def _shape(volume: npt.NDArray[np.generic]) -> Shape:
    return volume.shape[0], volume.shape[1], volume.shape[2]


def _masks(labels: Voxels, region_labels: Mapping[Region, frozenset[int]]) -> Masks:
    return {region: labelled(labels, values) for region, values in region_labels.items()}


def _head_box(bright: Mask, certain: Mask, spacing_mm: tuple[float, float, float]) -> tuple[slice, slice, slice]:
    """Where the head is: what is `certain`, and slices in which more than noise is bright."""
    sides: list[slice] = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        shares = np.count_nonzero(bright, axis=others) / (bright.size // bright.shape[axis])
        found = np.flatnonzero((shares > HEAD_SHARE) | certain.any(axis=others))
        margin = int(np.ceil(MARGIN_MM / spacing_mm[axis]))
        first, last = (int(found[0]), int(found[-1])) if found.size else (0, bright.shape[axis] - 1)
        sides.append(slice(max(first - margin, 0), min(last + 1 + margin, bright.shape[axis])))
    return sides[0], sides[1], sides[2]
