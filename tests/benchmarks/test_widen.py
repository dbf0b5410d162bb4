"""A network with twice the channels is the same function."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from benchmarks.peak import operations_per_pixel
from benchmarks.peers import torch_net
from benchmarks.widen import WidenError, widen, widen_repository
from imaging.pipeline.golden import golden_slices
from serving.inference.onnxruntime_predictor import OnnxRuntimePredictor
from serving.inference.readiness import check_golden
from tests.serving.model_repository import write_repository


def answer(model):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    kind = np.float16 if given.type == "tensor(float16)" else np.float32
    return session.run(None, {given.name: golden_slices(4).astype(kind)})[0].astype(np.float32)


def kernels(model):
    return [tensor for tensor in model.graph.initializer if len(tensor.dims) == 4]


def test_a_wider_network_answers_the_same(graph):
    before = answer(graph)
    assert np.ptp(before) > 0.5  # lively enough to tell
    # Answers may travel as float16.
    np.testing.assert_allclose(answer(widen(graph)), before, atol=1e-3)


def test_what_it_was_made_of_stays_as_it_was(graph):
    content = graph.SerializeToString()
    widen(graph)
    assert graph.SerializeToString() == content


def test_channels_are_twice_as_many_but_at_both_ends(graph):
    narrow, wide = kernels(graph), kernels(widen(graph))
    first, inner, last = wide[0].dims, wide[1].dims, wide[-1].dims
    assert (first[0], first[1]) == (2 * narrow[0].dims[0], 4)
    assert tuple(inner[:2]) == tuple(2 * extent for extent in narrow[1].dims[:2])
    assert (last[0], last[1]) == (1, 2 * narrow[-1].dims[1])


def test_the_work_is_near_four_times(graph):
    assert 3.0 < operations_per_pixel(widen(graph)) / operations_per_pixel(graph) < 4.0


def test_work_is_counted_by_the_size_that_a_layer_works_at():
    weights = numpy_helper.from_array(np.zeros((5, 3, 3, 3), np.float32), "w")
    again = numpy_helper.from_array(np.zeros((7, 5, 1, 1), np.float32), "v")
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"]),
        helper.make_node("MaxPool", ["a"], ["b"], kernel_shape=[2, 2]),
        helper.make_node("Conv", ["b", "v"], ["y"]),
    ]
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, "i", "j"])
    taken = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 7, "i", "j"])
    model = helper.make_model(helper.make_graph(nodes, "g", [given], [taken], [weights, again]))
    assert operations_per_pixel(model) == 2 * 5 * 3 * 9 + 2 * 7 * 5 / 4


def test_what_mixes_channels_is_refused():
    weights = [numpy_helper.from_array(np.zeros((2, 2, 1, 1), np.float32), name) for name in "uv"]
    nodes = [
        helper.make_node("Conv", ["x", "u"], ["a"]),
        helper.make_node("Softmax", ["a"], ["b"], axis=1),
        helper.make_node("Conv", ["b", "v"], ["y"]),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 2, "i", "j"]) for name in "xy"]
    model = helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:], weights))
    with pytest.raises(WidenError, match="Softmax"):
        widen(model)


def test_torch_runs_the_exported_weights(graph):
    torch = pytest.importorskip("torch")
    slices = golden_slices(4).astype(np.float16).astype(np.float32)  # as which they may travel
    with torch.inference_mode():
        logits = torch_net(graph)(torch.from_numpy(slices))
    np.testing.assert_allclose(torch.sigmoid(logits)[:, 0].numpy(), answer(graph), atol=1e-3)


def test_a_widened_repository_passes_its_own_golden_check(tmp_path):
    models = write_repository(tmp_path / "models")
    wide = widen_repository(models, tmp_path / "wide")
    engine = OnnxRuntimePredictor(wide, threads=1)
    check_golden(engine)
    assert {network.name for network in engine.catalog.networks} == {folder.name for folder in models.iterdir()}
