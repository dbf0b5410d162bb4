from __future__ import annotations

import numpy as np
import pytest
from glioserve.v1 import evaluation_pb2, types_pb2
from grpc import aio

from imaging.modality import Modality
from tests.serving.gateway.support import (
    SHAPE,
    chunks,
    evaluate,
    evaluate_requests,
    exam_files,
    label_file,
    mask_header,
    modality_header,
)


async def test_a_map_agrees_with_itself(channel: aio.Channel) -> None:
    answer = await evaluate(channel, evaluate_requests(label_file(), label_file()))

    assert [one.region for one in answer.metrics] == [types_pb2.REGION_WT, types_pb2.REGION_TC, types_pb2.REGION_ET]
    for one in answer.metrics:
        assert (one.dsc, one.hd95_mm, one.sensitivity, one.specificity) == (1.0, 0.0, 1.0, 1.0)
        assert one.status == types_pb2.METRIC_STATUS_COMPUTED
    assert [volume.voxels for volume in answer.prediction_volumes] == [4000, 600, 48]
    assert [volume.volume_ml for volume in answer.reference_volumes] == pytest.approx([4.0, 0.6, 0.048])
    assert answer.conventions.hd95_definition == types_pb2.HD95_DEFINITION_POOLED
    assert answer.server_version


async def test_an_empty_prediction_is_a_missed_structure_under_the_policy_asked_for(channel: aio.Channel) -> None:
    empty = label_file(np.zeros(SHAPE, np.uint8))
    conventions = types_pb2.MetricConventions(empty_mask_policy=types_pb2.EMPTY_MASK_POLICY_STRICT)
    legacy = await evaluate(channel, evaluate_requests(empty, label_file()))
    strict = await evaluate(channel, evaluate_requests(empty, label_file(), conventions=conventions))

    assert {one.status for one in legacy.metrics} == {types_pb2.METRIC_STATUS_PREDICTION_EMPTY}
    assert {(one.dsc, one.hd95_mm) for one in legacy.metrics} == {(0.0, 373.13)}
    assert all(np.isnan(one.dsc) for one in strict.metrics)
    assert strict.conventions.empty_mask_policy == types_pb2.EMPTY_MASK_POLICY_STRICT


async def test_specificity_over_the_brain_takes_a_modality(channel: aio.Channel) -> None:
    flair, prediction = exam_files()[Modality.FLAIR], label_file()
    wrong = np.zeros(SHAPE, np.uint8)
    wrong[15:40, 20:40, 10:20] = 2
    reference = label_file(wrong)
    files = [prediction, reference, flair]
    header = evaluation_pb2.EvaluateHeader(
        files=[
            mask_header(types_pb2.MASK_ROLE_PREDICTION, len(prediction)),
            mask_header(types_pb2.MASK_ROLE_REFERENCE, len(reference)),
            modality_header(Modality.FLAIR, len(flair)),
        ],
        prediction_label_scheme=types_pb2.LABEL_SCHEME_BRATS_2018,
        reference_label_scheme=types_pb2.LABEL_SCHEME_BRATS_2018,
        conventions=types_pb2.MetricConventions(specificity_domain=types_pb2.SPECIFICITY_DOMAIN_BRAIN),
    )
    requests = [
        evaluation_pb2.EvaluateRequest(header=header),
        *(evaluation_pb2.EvaluateRequest(chunk=chunk) for chunk in chunks(files)),
    ]
    over_brain = await evaluate(channel, requests)
    over_image = await evaluate(channel, evaluate_requests(reference, prediction))

    assert over_brain.conventions.specificity_domain == types_pb2.SPECIFICITY_DOMAIN_BRAIN
    assert over_image.metrics[0].specificity < 1.0 == over_brain.metrics[0].specificity
