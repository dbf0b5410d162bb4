from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx
import pytest

from export.cases import ParityCase
from export.errors import GraphError
from export.graph import IR_VERSION
from export.int8 import quantise
from export.session import open_graph


@pytest.fixture(scope="module")
def slices(cases: tuple[ParityCase, ...]) -> list[np.ndarray]:
    return [case.slices for case in cases[:3]]


@pytest.fixture(scope="module")
def quantised(graph: bytes, slices: list[np.ndarray]) -> bytes:
    return quantise(graph, iter(slices))


def answer(graph: bytes, batch: np.ndarray) -> np.ndarray:
    session = open_graph(graph)
    kind = np.float16 if session.get_inputs()[0].type == "tensor(float16)" else np.float32
    return session.run(None, {session.get_inputs()[0].name: batch.astype(kind)})[0].astype(np.float32)


def test_answers_nearly_as_the_graph_it_was_made_of_and_is_served_as_it_is(
    graph: bytes, quantised: bytes, slices: list[np.ndarray]
) -> None:
    before, after = onnx.load_from_string(graph), onnx.load_from_string(quantised)
    assert list(after.graph.input) == list(before.graph.input)
    assert list(after.graph.output) == list(before.graph.output)
    assert after.ir_version == IR_VERSION
    expected, got = answer(graph, slices[1]), answer(quantised, slices[1])
    assert 0 < np.abs(got - expected).mean() < 0.03
    assert np.corrcoef(got.ravel(), expected.ravel())[0, 1] > 0.97


def test_all_convolutions_but_the_ends_have_kernels_of_eight_bits(quantised: bytes) -> None:
    graph = onnx.load_from_string(quantised).graph
    types = {one.name: one.data_type for one in graph.initializer}
    origin = {output: node for node in graph.node for output in node.output}
    kernels = [node.input[1] for node in graph.node if node.op_type == "Conv"]
    inner = [origin[name] for name in kernels if name in origin]
    assert len(inner) == len(kernels) - 2
    assert {node.op_type for node in inner} == {"DequantizeLinear"}
    assert {types[node.input[0]] for node in inner} == {onnx.TensorProto.INT8}


def test_the_same_slices_give_the_same_bytes(graph: bytes, quantised: bytes, slices: list[np.ndarray]) -> None:
    assert quantise(graph, iter(slices)) == quantised


def test_without_slices_there_are_no_ranges(graph: bytes) -> None:
    nothing: Iterator[np.ndarray] = iter(())
    with pytest.raises(GraphError, match="slices: must be at least one"):
        quantise(graph, nothing)
