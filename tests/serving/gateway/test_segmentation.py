"""`Segment` over a real socket: events, results, and the label map on the caller's grid."""

from __future__ import annotations

import nibabel
import numpy as np
from glioserve.v1 import types_pb2
from grpc import aio

from imaging.modality import Modality
from tests.serving.gateway.support import AFFINE, SHAPE, exam_files, label_file, segment, segment_requests


def labels_of(content: bytes) -> nibabel.Nifti1Image:
    import gzip

    return nibabel.Nifti1Image.from_bytes(gzip.decompress(content))


async def test_answers_with_progress_partial_results_and_the_label_map(channel: aio.Channel) -> None:
    answer = await segment(channel, segment_requests(exam_files()))

    assert answer.stages[0] == "check"
    assert [volume.region for volume in answer.partial] == [
        types_pb2.REGION_WT,
        types_pb2.REGION_TC,
        types_pb2.REGION_ET,
    ]
    labels = labels_of(answer.label_map)
    assert len(answer.label_map) == answer.result.mask_size_bytes
    assert labels.shape == SHAPE
    np.testing.assert_array_equal(labels.affine, AFFINE)
    wt, tc, et = answer.result.volumes
    voxels = np.asarray(labels.dataobj)
    assert wt.voxels == np.count_nonzero(voxels) > tc.voxels > et.voxels == np.count_nonzero(voxels == 4) > 0
    assert wt.volume_ml == wt.voxels / 1000
    assert [model.name for model in answer.result.models] == ["unet_wt", "unet_tc", "unet_et"]
    assert answer.result.engine == "onnxruntime"
    assert answer.result.label_scheme == types_pb2.LABEL_SCHEME_BRATS_2018
    assert not answer.result.metrics


async def test_labels_follow_the_scheme_that_was_asked_for(channel: aio.Channel) -> None:
    answer = await segment(channel, segment_requests(exam_files(), label_scheme=types_pb2.LABEL_SCHEME_BRATS_2023))

    assert set(np.unique(np.asarray(labels_of(answer.label_map).dataobj))) == {0, 1, 2, 3}


async def test_scores_against_a_reference_state_their_conventions(channel: aio.Channel) -> None:
    answer = await segment(
        channel,
        segment_requests(
            exam_files(),
            reference=label_file(),
            conventions=types_pb2.MetricConventions(specificity_domain=types_pb2.SPECIFICITY_DOMAIN_BRAIN),
        ),
    )

    assert [one.region for one in answer.result.metrics] == [
        types_pb2.REGION_WT,
        types_pb2.REGION_TC,
        types_pb2.REGION_ET,
    ]
    assert all(0 < one.dsc < 1 and one.hd95_mm > 0 for one in answer.result.metrics)
    conventions = answer.result.conventions
    assert conventions.hd95_definition == types_pb2.HD95_DEFINITION_POOLED
    assert conventions.empty_mask_policy == types_pb2.EMPTY_MASK_POLICY_LEGACY
    assert conventions.specificity_domain == types_pb2.SPECIFICITY_DOMAIN_BRAIN
    assert [timing.stage for timing in answer.result.timings][-2:] == ["measure", "encode"]


async def test_files_may_come_in_any_order_of_modalities(channel: aio.Channel) -> None:
    files = exam_files()
    turned = {modality: files[modality] for modality in reversed(Modality)}

    assert (await segment(channel, segment_requests(turned))).label_map == (
        await segment(channel, segment_requests(files))
    ).label_map
