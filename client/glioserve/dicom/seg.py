"""A label map into a DICOM segmentation."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import highdicom as hd
import numpy as np
import numpy.typing as npt
from pydicom import DataElement, Dataset, dcmread
from pydicom.multival import MultiValue
from pydicom.valuerep import DA, TM, VR

from glioserve.atomic import write_atomic
from glioserve.dicom.codes import ALGORITHM, BRAIN, CATEGORY, TYPE
from glioserve.dicom.geometry import Stack, stack_of
from glioserve.dicom.header import reading
from glioserve.dicom.quiet import quiet
from glioserve.dicom.series import Series
from glioserve.documents import DISCLAIMER
from glioserve.errors import LocalInputError
from glioserve.exam_files import PathLike
from glioserve.label_map import LabelMap
from glioserve.nifti import Grid
from glioserve.render.palette import REGION_RGB
from glioserve.results import SegmentationResult
from glioserve.terms import Region
from glioserve.version import __version__
from glioserve.wording import REGION_TITLE

NAME = "glioserve"
CONTENT_LABEL = "GLIOMA_REGIONS"
SERIES_DESCRIPTION = "Glioma regions WT, TC, ET (research use only)"
SERIES_NUMBER_STEP = 1000
"""The segmentation's series number is this much above its source's."""
SERIAL_DIGITS = 16
DECIMAL_CHARACTERS = 16
MAX_NESTING = 8
"""Of sequences, those that are kept of a source's header included. What pydicom says of an error in one triples with
each sequence around it, so that some twenty take all memory."""
"""Of a decimal string, at most."""

_MUST_BE_THERE: Mapping[str, Callable[[str], object]] = MappingProxyType(
    {
        "PatientID": str,
        "PatientName": str,
        "PatientBirthDate": DA,
        "PatientSex": hd.PatientSexValues,
        "AccessionNumber": str,
        "StudyID": str,
        "StudyDate": DA,
        "StudyTime": TM,
        "ReferringPhysicianName": str,
    }
)
"""Attributes that every object must have, if empty, with what reads their values.

Removing a patient's identity often removes them as well, and people enter values that no reader understands: such ones
are left empty, for a segmentation that lacks a date is worth more than none.
"""


def write_seg(
    label_map: LabelMap,
    source: Series,
    path: PathLike,
    *,
    result: SegmentationResult,
    others: Sequence[Series] = (),
) -> None:
    """Writes a DICOM segmentation in its source's patient, study and frame of reference.

    It is of type BINARY, as the regions are nested: segment 1 is WT, 2 TC, 3 ET. Every segment has frames, as viewers
    and archives stumble over those without: where a region is empty, all frames of all segments are written, else
    those alone that are not empty. The file appears whole or not at all.

    Args:
        label_map: On the grid of `source` as `write_nifti` writes it.
        source: The series that the segmentation is laid over.
        path: Where the file appears.
        result: What tells of the models and of the server.
        others: Further series that the segmentation was derived from.

    Raises:
        LocalInputError: The label map lies on another grid, or a header can't be read or used.
        OutputError: The file can't be written.
    """
    stack = stack_of(source, field="source")
    if not label_map.grid.equals(Grid(stack.shape, stack.affine)):
        raise LocalInputError("label_map", "must lie on the grid of its source", "another grid")
    planes, in_order = _planes(label_map, stack, multiframe=source.multiframe)
    buffer = io.BytesIO()
    with quiet(), reading("source"):
        images = _headers(source, in_order)
        segmentation = hd.seg.Segmentation(
            source_images=images,
            pixel_array=planes,
            segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
            segment_descriptions=_descriptions(result),
            series_instance_uid=hd.UID(),
            series_number=(source.number or 0) + SERIES_NUMBER_STEP,
            sop_instance_uid=hd.UID(),
            instance_number=1,
            manufacturer=NAME,
            manufacturer_model_name=NAME,
            software_versions=f"server {result.server_version}, client {__version__}",
            device_serial_number=_serial(result),
            content_label=CONTENT_LABEL,
            content_description=DISCLAIMER,
            series_description=SERIES_DESCRIPTION,
            omit_empty_frames=bool(planes.any(axis=(0, 1, 2)).all()),
            further_source_images=[image for series in others for image in _headers(series, _names(series))],
        )
        _check_nesting(segmentation)
        segmentation.walk(_shorten)
        segmentation.save_as(buffer)
    write_atomic(Path(path), buffer.getvalue())


def _planes(label_map: LabelMap, stack: Stack, *, multiframe: bool) -> tuple[npt.NDArray[np.uint8], list[str]]:
    """The masks as `uint8 [frame, row, column, segment]`, and the files whose frames these are, in order."""
    masks = np.stack([label_map.mask(region) for region in Region], axis=-1).astype(np.uint8)
    planes = masks.transpose(2, 1, 0, 3)
    if not multiframe:
        return planes, [each.name for each in stack.slices]
    frames = np.empty_like(planes)
    frames[[each.frame for each in stack.slices]] = planes
    return frames, [stack.slices[0].name]


def _names(series: Series) -> list[str]:
    return list(dict.fromkeys(each.name for each in series.slices))


def _headers(series: Series, names: Sequence[str]) -> list[Dataset]:
    """Whole headers, with what must be there."""
    found: list[Dataset] = []
    thickness_mm = stack_of(series, field="source").spacing_mm[2]
    with series.container.opened() as opened:
        for name in names:
            with opened(name) as stream:
                dataset = dcmread(stream, stop_before_pixels=True)
            for keyword, read in _MUST_BE_THERE.items():
                if not _is_read(str(dataset.get(keyword) or ""), read):
                    dataset.pop(keyword, None)
                    setattr(dataset, keyword, None)
            if not series.multiframe and dataset.get("SliceThickness") is None:
                dataset.SliceThickness = thickness_mm
            found.append(dataset)
    return found


def _is_read(text: str, read: Callable[[str], object]) -> bool:
    """Whether there is a value, and its reader understands it."""
    try:
        return bool(text and read(text) is not None)
    except ValueError:
        return False


def _descriptions(result: SegmentationResult) -> list[hd.seg.SegmentDescription]:
    return [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=f"{REGION_TITLE[region]} ({region.name})",
            segmented_property_category=CATEGORY,
            segmented_property_type=TYPE[region],
            algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
            algorithm_identification=hd.AlgorithmIdentificationSequence(
                name=NAME,
                family=ALGORITHM,
                version=result.server_version,
                source=NAME,
                parameters={
                    f"{model.name} {model.version} sha256": model.sha256
                    for model in result.models
                    if model.region in {region, None}
                },
            ),
            tracking_uid=hd.UID(),
            tracking_id=region.name,
            anatomic_regions=[BRAIN],
            display_color=hd.color.CIELabColor.from_rgb(*REGION_RGB[region]),
        )
        for number, region in enumerate(Region, start=1)
    ]


def _check_nesting(segmentation: Dataset) -> None:
    level: list[Dataset] = [segmentation]
    for _ in range(MAX_NESTING + 1):
        level = [item for each in level for element in each if element.VR == VR.SQ for item in element.value]
        if not level:
            return
    raise LocalInputError("source", f"must nest sequences at most {MAX_NESTING} deep", "deeper")


def _shorten(_: Dataset, element: DataElement) -> None:
    """Decimal strings of a source, and what is computed of them, often have more digits than the standard allows."""
    if element.VR == VR.DS and element.value is not None:
        values = element.value if isinstance(element.value, MultiValue) else [element.value]
        if any(len(str(each)) > DECIMAL_CHARACTERS for each in values):
            element.value = [f"{float(each):.10g}" for each in values]


def _serial(result: SegmentationResult) -> str:
    """Stands for this very set of models."""
    digests = " ".join(sorted(model.sha256 for model in result.models))
    return hashlib.sha256(digests.encode()).hexdigest()[:SERIAL_DIGITS]
