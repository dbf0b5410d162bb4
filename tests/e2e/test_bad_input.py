"""Bad exams against the whole server: each is refused with its reason, and takes no memory that it should not."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import grpc
import nibabel
import numpy as np
import pytest
from glioserve.v1 import segmentation_pb2
from grpc import aio

from imaging.modality import Modality
from tests.e2e.running_server import RunningServer
from tests.serving.gateway.support import AFFINE, SHAPE, detail_of, exam_files, label_file, segment, segment_requests

pytestmark = pytest.mark.triton

Requests = list[segmentation_pb2.SegmentRequest]
MIB = 2**20
MOST_GROWTH_MIB = 64.0


def with_t1ce(content: Callable[[], bytes]) -> Callable[[], Requests]:
    return lambda: segment_requests(exam_files() | {Modality.T1CE: content()})


def nifti(voxels: np.ndarray) -> bytes:
    return gzip.compress(nibabel.Nifti1Image(voxels, AFFINE).to_bytes())


def header(shape: tuple[int, ...]) -> bytes:
    claimed = nibabel.Nifti1Header()
    claimed.set_data_dtype(np.float32)
    claimed.set_data_shape(shape)
    claimed.set_sform(AFFINE, code=1)
    claimed["vox_offset"] = 352
    claimed["magic"] = b"n+1"
    return claimed.binaryblock + bytes(4)


def with_nan() -> bytes:
    voxels = np.ones(SHAPE, np.float32)
    voxels[1, 2, 3] = np.nan
    return nifti(voxels)


def without_flair() -> Requests:
    files = exam_files()
    del files[Modality.FLAIR]
    return segment_requests(files)


BAD = {
    "truncated gzip": (with_t1ce(lambda: exam_files()[Modality.T1CE][:-200]), "NiftiTruncatedError", "t1ce"),
    "4-D": (with_t1ce(lambda: nifti(np.ones((*SHAPE, 2), np.int16))), "NiftiAxesError", "t1ce"),
    "NaN": (with_t1ce(with_nan), "NiftiNanError", "t1ce"),
    "one value everywhere": (with_t1ce(lambda: nifti(np.ones((64, 64, 31), np.int16))), "CaseRefusedError", "t1ce"),
    "one file under two names": (with_t1ce(lambda: exam_files()[Modality.T1]), "CaseRefusedError", "t1"),
    "a header of 3 GB": (with_t1ce(lambda: header((1000, 1000, 800)) + bytes(100)), "NiftiTooLargeError", "t1ce"),
    "gzip bomb": (with_t1ce(lambda: gzip.compress(header(SHAPE) + bytes(512 * MIB), 1)), "NiftiExpansionError", "t1ce"),
    "text": (with_t1ce(lambda: b"patient,age\n" * 100), "NotNiftiError", "t1ce"),
    "no FLAIR": (without_flair, "MissingFileError", "flair"),
    "unknown label scheme": (
        lambda: segment_requests(exam_files(), reference=label_file(), reference_label_scheme=99),
        "LabelError",
        "reference_label_scheme",
    ),
}


@pytest.mark.parametrize("fault", BAD)
async def test_is_refused_with_its_reason_and_little_memory(
    server: RunningServer, channel: aio.Channel, fault: str
) -> None:
    make, kind, field = BAD[fault]
    requests = make()
    await segment(channel, segment_requests(exam_files()))  # what a good exam needs is there already
    before_mib = server.reset_peak_mib()

    with pytest.raises(aio.AioRpcError) as caught:
        await segment(channel, requests)

    detail = detail_of(caught.value)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert (detail.kind, detail.field) == (kind, field)
    assert detail.rule
    assert detail.got
    assert server.peak_mib() - before_mib < MOST_GROWTH_MIB
    assert (await segment(channel, segment_requests(exam_files()))).label_map
