"""The voxels of a stack, decoded, on the scale that the headers define."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from pydicom import Dataset

from glioserve.dicom.container import MAX_FILE_BYTES, Opener
from glioserve.dicom.decoding import decode
from glioserve.dicom.geometry import Stack
from glioserve.dicom.header import FrameHeader, Header, number, reading
from glioserve.dicom.quiet import quiet
from glioserve.dicom.series import Series
from glioserve.errors import LocalInputError

Pixels = npt.NDArray[np.generic]

_SCALE = "PixelValueTransformationSequence"
UNSCALED = (1.0, 0.0)
MAX_BYTES_PER_VOXEL = 4


def read_voxels(series: Series, stack: Stack, *, field: str) -> Pixels:
    """Decodes a stack.

    Args:
        series: The series.
        stack: Its slices in order.
        field: How it is called in an error.

    Returns:
        `[i, j, k]`: the integers as stored where they are on their scale already, else `float32`.

    Raises:
        LocalInputError: Pixels can't be decoded, are no grey values, are not as many as the header says, or are not
            finite numbers of single precision.
    """
    with quiet(), reading(field):
        frames = list(_frames(series, stack, field))
    if all(scale == UNSCALED for _, scale in frames):
        planes = [pixels for pixels, _ in frames]
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            planes = [
                (pixels.astype(np.float64) * slope + intercept).astype(np.float32)
                for pixels, (slope, intercept) in frames
            ]
    voxels = np.stack([plane.T for plane in planes], axis=-1)
    if voxels.dtype.itemsize > MAX_BYTES_PER_VOXEL:
        raise LocalInputError(field, f"must hold values of at most {8 * MAX_BYTES_PER_VOXEL} bits", str(voxels.dtype))
    if not np.isfinite([voxels.min(), voxels.max()]).all():
        raise LocalInputError(field, "must hold finite values", "NaN or infinity")
    return voxels


def _frames(series: Series, stack: Stack, field: str) -> Iterator[tuple[Pixels, tuple[float, float]]]:
    """Pixels of each slice in order, `[row, column]`, with slope and intercept."""
    names = list(dict.fromkeys(each.name for each in stack.slices))
    with series.container.opened() as opened:
        contents = [_read(opened, name) for name in names]
    found = dict(zip(names, decode(contents, field=field), strict=True))
    headers = {
        name: list(Header(dataset, multiframe=series.multiframe).frames()) for name, (dataset, _) in found.items()
    }
    for each in stack.slices:
        dataset, pixels = found[each.name]
        _check(dataset, field)
        frames = pixels.reshape(len(headers[each.name]), each.rows, each.columns)
        yield frames[each.frame], _scale(headers[each.name][each.frame])


def _read(opened: Opener, name: str) -> bytes:
    with opened(name) as stream:
        return stream.read(MAX_FILE_BYTES)


def _check(dataset: Dataset, field: str) -> None:
    if dataset.get("SamplesPerPixel") != 1 or dataset.get("PhotometricInterpretation") != "MONOCHROME2":
        raise LocalInputError(field, "must hold grey values that rise with brightness", "others")
    if dataset.get("ModalityLUTSequence"):
        raise LocalInputError(field, "must have a linear scale", "a lookup table")


def _scale(frame: FrameHeader) -> tuple[float, float]:
    slope = number(frame.value("RescaleSlope", _SCALE))
    intercept = number(frame.value("RescaleIntercept", _SCALE))
    return 1.0 if slope is None else slope, 0.0 if intercept is None else intercept
