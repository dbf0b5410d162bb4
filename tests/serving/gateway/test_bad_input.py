"""Every kind of bad input, over a real socket: its own typed error, the right code, and no engine touched."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Mapping

import grpc
import nibabel
import numpy as np
import pytest
from glioserve.v1 import segmentation_pb2, types_pb2
from grpc import aio

from imaging.modality import Modality
from tests.serving.gateway.support import (
    AFFINE,
    SHAPE,
    FakeEngine,
    detail_of,
    evaluate,
    evaluate_requests,
    exam_files,
    label_file,
    segment,
    segment_requests,
)

Files = dict[Modality, bytes]
T1CE = Modality.T1CE
INVALID = grpc.StatusCode.INVALID_ARGUMENT


def nifti(voxels: np.ndarray, affine: np.ndarray = AFFINE) -> bytes:
    return gzip.compress(nibabel.Nifti1Image(voxels, affine).to_bytes())


def claim(shape: tuple[int, ...], *, body: bytes) -> bytes:
    header = nibabel.Nifti1Header()
    header.set_data_dtype(np.float32)
    header.set_data_shape(shape)
    header.set_sform(AFFINE, code=1)
    header["vox_offset"] = 352
    header["magic"] = b"n+1"
    return header.binaryblock + bytes(4) + body


def truncated(files: Files) -> bytes:
    return files[T1CE][:-200]


def four_dimensional(_: Files) -> bytes:
    return nifti(np.ones((*SHAPE, 2), np.int16))


def with_nan(_: Files) -> bytes:
    voxels = np.zeros(SHAPE, np.float32)
    voxels[3, 3, 3] = np.nan
    return nifti(voxels)


def constant(_: Files) -> bytes:
    return nifti(np.ones(SHAPE, np.int16))


def claims_3_gb(_: Files) -> bytes:
    return claim((1000, 1000, 800), body=bytes(100))


def bomb(_: Files) -> bytes:
    return gzip.compress(claim(SHAPE, body=bytes(80 * 1024 * 1024)))


def text(_: Files) -> bytes:
    return b"patient,age\n" * 100


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (truncated, "NiftiTruncatedError"),
        (four_dimensional, "NiftiAxesError"),
        (with_nan, "NiftiNanError"),
        (constant, "CaseRefusedError"),
        (claims_3_gb, "NiftiTooLargeError"),
        (bomb, "NiftiExpansionError"),
        (text, "NotNiftiError"),
    ],
)
async def test_a_bad_file_is_refused_with_its_name_and_reason(
    channel: aio.Channel, engine: FakeEngine, fault: Callable[[Files], bytes], kind: str
) -> None:
    files = exam_files()
    files[T1CE] = fault(files)

    with pytest.raises(aio.AioRpcError) as caught:
        await segment(channel, segment_requests(files))

    detail = detail_of(caught.value)
    assert (caught.value.code(), detail.kind, detail.field) == (INVALID, kind, "t1ce")
    assert detail.rule
    assert detail.got
    assert engine.batches == 0


async def test_one_file_under_two_names_is_refused_for_both(channel: aio.Channel, engine: FakeEngine) -> None:
    files = exam_files()
    files[T1CE] = files[Modality.T1]

    with pytest.raises(aio.AioRpcError) as caught:
        await segment(channel, segment_requests(files))

    detail = detail_of(caught.value)
    assert (caught.value.code(), detail.kind, detail.field) == (INVALID, "CaseRefusedError", "t1")
    assert detail.rule == "must differ from t1ce"
    assert "t1ce: must differ from t1" in str(caught.value.details())
    assert engine.batches == 0


def header_of(files: Mapping[Modality, bytes], **changes: object) -> segmentation_pb2.SegmentHeader:
    header = segmentation_pb2.SegmentHeader()
    header.CopyFrom(segment_requests(files, **changes)[0].header)
    return header


async def refusal(channel: aio.Channel, requests: Iterable[segmentation_pb2.SegmentRequest]) -> types_pb2.ErrorDetail:
    with pytest.raises(aio.AioRpcError) as caught:
        await segment(channel, requests)
    assert caught.value.code() is INVALID
    return detail_of(caught.value)


async def test_a_missing_modality_is_refused_by_the_header_alone(channel: aio.Channel) -> None:
    files = exam_files()
    del files[Modality.FLAIR]
    detail = await refusal(channel, segment_requests(files)[:1])
    assert (detail.kind, detail.field) == ("MissingFileError", "flair")


async def test_two_files_of_one_modality_are_refused(channel: aio.Channel) -> None:
    header = header_of(exam_files())
    header.files.append(header.files[0])
    detail = await refusal(channel, [segmentation_pb2.SegmentRequest(header=header)])
    assert (detail.kind, detail.field) == ("DuplicateFileError", "t1")


@pytest.mark.parametrize("field", ["label_scheme", "reference_label_scheme"])
async def test_an_unknown_label_scheme_is_refused(channel: aio.Channel, field: str) -> None:
    detail = await refusal(channel, segment_requests(exam_files(), reference=label_file(), **{field: 99})[:1])
    assert (detail.kind, detail.field, detail.got) == ("LabelError", field, "the number 99")


async def test_a_reference_without_its_scheme_is_refused(channel: aio.Channel) -> None:
    requests = segment_requests(exam_files(), reference=label_file(), reference_label_scheme=0)[:1]
    detail = await refusal(channel, requests)
    assert (detail.kind, detail.field) == ("OrderError", "reference_label_scheme")


async def test_labels_that_the_declared_scheme_does_not_know_are_refused(channel: aio.Channel) -> None:
    requests = segment_requests(
        exam_files(), reference=label_file(), reference_label_scheme=types_pb2.LABEL_SCHEME_BRATS_2023
    )
    detail = await refusal(channel, requests)
    assert (detail.kind, detail.field) == ("LabelError", "reference")


async def test_a_file_without_a_role_is_refused(channel: aio.Channel) -> None:
    header = header_of(exam_files())
    header.files.add(size_bytes=5)
    detail = await refusal(channel, [segmentation_pb2.SegmentRequest(header=header)])
    assert (detail.kind, detail.field) == ("OrderError", "file")


async def test_an_unknown_modality_is_refused(channel: aio.Channel) -> None:
    header = header_of(exam_files())
    header.files.add(modality=77, size_bytes=5)  # type: ignore[arg-type]
    detail = await refusal(channel, [segmentation_pb2.SegmentRequest(header=header)])
    assert (detail.kind, detail.field) == ("OrderError", "modality")


async def test_a_file_announced_as_too_large_is_refused_before_it_is_sent(channel: aio.Channel) -> None:
    header = header_of(exam_files())
    header.files[1].size_bytes = 3 * 1024**3
    detail = await refusal(channel, [segmentation_pb2.SegmentRequest(header=header)])
    assert (detail.kind, detail.field) == ("UploadTooLargeError", "t1ce")


async def test_parts_out_of_turn_are_refused(channel: aio.Channel) -> None:
    requests = segment_requests(exam_files())
    stray = segmentation_pb2.SegmentRequest(chunk=types_pb2.Chunk(file=9, data=b"x"))
    for sent, kind, field in (
        ([], "UploadOrderError", "header"),
        (requests[1:], "UploadOrderError", "header"),
        ([segmentation_pb2.SegmentRequest()], "UploadOrderError", "header"),
        ([requests[0], requests[0]], "UploadOrderError", "chunk"),
        ([requests[0], segmentation_pb2.SegmentRequest()], "UploadOrderError", "chunk"),
        ([requests[0], requests[2]], "UploadOrderError", "t1ce"),
        ([requests[0], stray], "UnknownFileError", "chunk"),
        (requests[:-1], "UploadIncompleteError", "flair"),
        ([*requests, requests[-1]], "UploadTooLargeError", "flair"),
    ):
        detail = await refusal(channel, sent)
        assert (detail.kind, detail.field) == (kind, field)


async def test_masks_on_different_grids_are_refused(channel: aio.Channel) -> None:
    prediction = nifti(np.zeros((10, 10, 10), np.uint8))
    with pytest.raises(aio.AioRpcError) as caught:
        await evaluate(channel, evaluate_requests(prediction, label_file()))
    detail = detail_of(caught.value)
    assert (caught.value.code(), detail.kind, detail.field) == (INVALID, "GeometryError", "reference")


async def test_an_evaluation_without_a_declared_scheme_is_refused(channel: aio.Channel) -> None:
    with pytest.raises(aio.AioRpcError) as caught:
        await evaluate(channel, evaluate_requests(label_file(), label_file(), prediction_label_scheme=0)[:1])
    assert (caught.value.code(), detail_of(caught.value).field) == (INVALID, "prediction_label_scheme")


async def test_after_all_that_the_next_exam_succeeds(channel: aio.Channel) -> None:
    for _ in range(3):
        await refusal(channel, segment_requests(exam_files())[:2])
    assert (await segment(channel, segment_requests(exam_files()))).label_map
