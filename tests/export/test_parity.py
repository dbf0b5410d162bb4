from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from export.cases import CROPS, ParityCase
from export.errors import ParityError
from export.parity import ParityBounds, ParityReport, compare
from tests.export.tiny import PLAN
from training.unet import UNet


def edited(graph: bytes, *, edit: Callable[[onnx.ModelProto], None]) -> bytes:
    model = onnx.load_from_string(graph)
    edit(model)
    return bytes(model.SerializeToString())


def scale_first_kernel(model: onnx.ModelProto) -> None:
    """A fault that shapes, types and ranges don't show."""
    kernel = next(one for one in model.graph.initializer if len(one.dims) == 4)
    kernel.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(kernel) * np.float16(1.3), kernel.name))


def make_nan(model: onnx.ModelProto) -> None:
    bias = next(one for one in model.graph.initializer if len(one.dims) == 1)
    bias.CopyFrom(numpy_helper.from_array(np.full(bias.dims, np.nan, np.float32), bias.name))


def keep_channel_axis(model: onnx.ModelProto) -> None:
    squeeze = model.graph.node[-2]
    assert squeeze.op_type == "Squeeze"
    squeeze.op_type = "Identity"
    del squeeze.input[1:]
    del model.graph.output[0].type.tensor_type.shape.dim[:]


@pytest.fixture(scope="module")
def broken(net: UNet, graph: bytes, cases: Sequence[ParityCase]) -> ParityReport:
    wrong = edited(graph, edit=scale_first_kernel)
    return compare(net, wrong, cases=cases, threshold=PLAN.threshold, source="a broken graph")


def test_an_honest_export_passes(parity: ParityReport) -> None:
    parity.require()
    assert parity.faults == ()
    assert 0 < parity.probability_difference < 0.02, "kernels are rounded, so equality would be suspicious"
    assert sum(case.mask_voxels for case in parity.cases) > 1000, "nothing was marked, so nothing was compared"


def test_every_size_and_count_is_compared(parity: ParityReport) -> None:
    shapes = {case.shape for case in parity.cases}
    assert len(parity.cases) == 2 + len(CROPS)
    assert {count for count, _, _, _ in shapes} >= {1, 2, 3, 8, 16}
    assert len({(height, width) for _, _, height, width in shapes}) >= 4


def test_a_wrong_kernel_fails(broken: ParityReport) -> None:
    assert broken.faults == ("probability_difference", "flipped_share", "dsc_change")
    with pytest.raises(ParityError, match="must be at most"):
        broken.require()


def test_answers_that_are_no_numbers_fail(net: UNet, graph: bytes, cases: Sequence[ParityCase]) -> None:
    report = compare(net, edited(graph, edit=make_nan), cases=cases[:1], threshold=0.5, source="NaN")
    assert "probability_difference" in report.faults


@pytest.mark.parametrize("bound", ["probability_difference", "flipped_share", "dsc_change"])
def test_each_bound_is_enforced(broken: ParityReport, bound: str) -> None:
    loose = {"probability_difference": 1.0, "flipped_share": 1.0, "dsc_change": 1.0}
    report = replace(broken, bounds=ParityBounds(**(loose | {bound: 0.0})))
    assert report.faults == (bound,)
    with pytest.raises(ParityError) as caught:
        report.require()
    assert caught.value.field == bound


def test_an_answer_of_another_shape_fails(net: UNet, graph: bytes, cases: Sequence[ParityCase]) -> None:
    with pytest.raises(ParityError, match="must be float16"):
        compare(net, edited(graph, edit=keep_channel_axis), cases=cases, threshold=0.5, source="test")


def test_garbage_does_not_load(net: UNet, cases: Sequence[ParityCase]) -> None:
    with pytest.raises(ParityError, match="must load in ONNX Runtime"):
        compare(net, b"not a graph", cases=cases, threshold=0.5, source="test")


def test_no_case_is_no_proof(net: UNet, graph: bytes) -> None:
    with pytest.raises(ParityError, match="cases: must be at least one"):
        compare(net, graph, cases=[], threshold=0.5, source="test")


def test_report_is_json_with_its_verdict(parity: ParityReport) -> None:
    content = json.loads(parity.to_json())
    assert content["passed"] is True
    assert content["source"] == "slices of a test ball"
    assert content["bounds"] == {"dsc_change": 1e-3, "flipped_share": 2e-3, "probability_difference": 0.02}
    assert [case["name"] for case in content["cases"]][:2] == ["golden slices", "whole slices"]


def test_case_shapes_must_fit() -> None:
    with pytest.raises(ParityError, match="multiples of 16"):
        ParityCase("odd", np.zeros((1, 3, 60, 64), np.float32), np.zeros((1, 60, 64), bool))
    with pytest.raises(ParityError, match="reference: must be of shape"):
        ParityCase("odd", np.zeros((1, 3, 64, 64), np.float32), np.zeros((1, 64, 48), bool))
