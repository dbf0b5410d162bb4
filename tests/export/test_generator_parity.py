from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from export.errors import ParityError
from export.generator_cases import CROPS, MapCase
from export.generator_parity import GeneratorBounds, GeneratorParityReport, compare_generator
from training.synthesis.painter import TrainedGenerator


def altered(graph: bytes, *, initializer: str, factor: float) -> bytes:
    """A graph with a fault that shapes and types don't show."""
    model = onnx.load_from_string(graph)
    (wrong,) = (one for one in model.graph.initializer if one.name == initializer)
    array = numpy_helper.to_array(wrong)
    wrong.CopyFrom(numpy_helper.from_array((array * factor).astype(array.dtype), wrong.name))
    return bytes(model.SerializeToString())


@pytest.fixture(scope="module")
def broken(generator: TrainedGenerator, generator_graph: bytes, maps: Sequence[MapCase]) -> GeneratorParityReport:
    wrong = altered(generator_graph, initializer="net.components.1.first_norm.weight", factor=1.3)
    return compare_generator(generator.net, wrong, cases=maps, source="a broken graph")


def test_an_honest_export_passes(generator_parity: GeneratorParityReport) -> None:
    generator_parity.require()
    assert generator_parity.faults == ()
    assert generator_parity.largest_difference > 0, "kernels are rounded, so equality would be suspicious"
    assert 0 < generator_parity.mean_difference < generator_parity.largest_difference


def test_every_size_and_count_is_compared(generator_parity: GeneratorParityReport, maps: Sequence[MapCase]) -> None:
    assert len(generator_parity.cases) == len(maps) == 2 + len(CROPS)
    assert {count for count, _, _, _ in (case.shape for case in generator_parity.cases)} == {1, 2, 3, 4}
    for case in maps:
        assert set(np.unique(case.maps)) == {0.0, 1.0}
        assert case.maps[:, 4:].any(), "no tumour in it"


def test_a_wrong_layer_fails(broken: GeneratorParityReport) -> None:
    assert broken.faults == ("largest_difference", "mean_difference", "ssim_loss")
    with pytest.raises(ParityError, match="must be at most"):
        broken.require()


@pytest.mark.parametrize("bound", ["largest_difference", "mean_difference", "ssim_loss"])
def test_each_bound_is_enforced(broken: GeneratorParityReport, bound: str) -> None:
    loose = {"largest_difference": 1.0, "mean_difference": 1.0, "ssim_loss": 2.0}
    report = replace(broken, bounds=GeneratorBounds(**(loose | {bound: 0.0})))
    assert report.faults == (bound,)


def test_images_that_are_no_numbers_fail(
    generator: TrainedGenerator, generator_graph: bytes, maps: Sequence[MapCase]
) -> None:
    wrong = altered(generator_graph, initializer="net.head.bias", factor=np.nan)
    report = compare_generator(generator.net, wrong, cases=maps[:1], source="NaN")
    assert report.faults == ("largest_difference", "mean_difference", "ssim_loss")


def test_a_generator_of_other_channels_fails(
    generator: TrainedGenerator, graph: bytes, maps: Sequence[MapCase]
) -> None:
    with pytest.raises(ParityError, match="must run in ONNX Runtime"):
        compare_generator(generator.net, graph, cases=maps, source="a U-Net")


def test_no_case_is_no_proof(generator: TrainedGenerator, generator_graph: bytes) -> None:
    with pytest.raises(ParityError, match="cases: must be at least one"):
        compare_generator(generator.net, generator_graph, cases=[], source="test")


def test_report_is_json_with_its_verdict(generator_parity: GeneratorParityReport) -> None:
    content = json.loads(generator_parity.to_json())
    assert content["passed"] is True
    assert content["source"] == "slices of a test ball's map"
    assert content["bounds"].keys() == {"largest_difference", "mean_difference", "ssim_loss"}
    assert [case["name"] for case in content["cases"]][:2] == ["golden maps", "whole slices"]
