"""What others would run finds what the product finds, so that only their times differ."""

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format
from onnx import TensorProto
from tritonclient.grpc.model_config_pb2 import TYPE_FP16, TYPE_FP32, ModelConfig

from benchmarks.bare import BareEngine, Recorder, replay
from benchmarks.peers import WINDOW, Monai, TorchEager, naive
from benchmarks.workload import evenly
from imaging.pipeline.segment import segment
from imaging.regions import Region
from serving.inference.catalog import MODEL_NAMES
from tests.serving.model_repository import write_repository

_SPEC = importlib.util.spec_from_file_location(
    "pipeline_synthetic", Path(__file__).parents[1] / "imaging" / "pipeline" / "synthetic.py"
)
synthetic = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(synthetic)


class Bright:
    """Foreground where a region's contrast is bright, softly, seen through a blur of three voxels."""

    def predict(self, region, slices):
        contrast = slices[:, synthetic.CHANNEL_OF[region]].astype(np.float16).astype(np.float32)  # as networks take it
        blurred = sum(np.roll(contrast, shift, axis=axis) for axis in (1, 2) for shift in (-1, 0, 1)) / 6
        return (1 / (1 + np.exp(-4 * (blurred - 1.2)))).astype(np.float32)


@pytest.fixture(scope="module")
def unets(tmp_path_factory, graph):
    """A repository whose U-Nets are small, but U-Nets; one for all regions."""
    models = write_repository(tmp_path_factory.mktemp("unets"), draws=False)
    half = graph.graph.input[0].type.tensor_type.elem_type == TensorProto.FLOAT16
    for name in MODEL_NAMES.values():
        (models / name / "1" / "model.onnx").write_bytes(graph.SerializeToString())
        config = text_format.Parse((models / name / "config.pbtxt").read_text(), ModelConfig())
        config.input[0].data_type = TYPE_FP16 if half else TYPE_FP32
        (models / name / "config.pbtxt").write_text(text_format.MessageToString(config))
    return models


@pytest.mark.parametrize("mirror", [False, True])
def test_the_naive_loop_finds_what_the_pipeline_finds(mirror):
    plans = synthetic.plans(mirror=mirror)
    found = segment(synthetic.exam(), Bright(), plans)
    loop = naive(synthetic.exam(), Bright(), plans)
    assert found.masks[Region.ET].any()
    for region in Region:
        np.testing.assert_array_equal(loop.masks[region], found.masks[region])
    assert loop.seconds > 0


def test_the_naive_loop_shows_all_of_the_frame():
    recorder = Recorder(synthetic.VoxelPredictor())
    naive(synthetic.exam(), recorder, synthetic.plans())
    shown = [slices.shape for region, slices in recorder.batches if region is Region.ET]
    assert shown == [(8, 4, 48, 48)] * 3  # 24 slices of 48 x 40, padded to multiples of 16


def test_few_slices_tell_the_time_of_all_and_no_masks():
    recorder = Recorder(synthetic.VoxelPredictor())
    run = naive(synthetic.exam(), recorder, synthetic.plans(), slices=6)
    assert run.masks is None
    assert sum(len(slices) for _, slices in recorder.batches) == 6 * len(Region)


@pytest.mark.parametrize(("total", "wanted", "numbers"), [(9, 3, [1, 4, 7]), (4, 0, [0, 1, 2, 3]), (2, 5, [0, 1])])
def test_slices_lie_evenly_apart(total, wanted, numbers):
    assert list(evenly(total, wanted)) == numbers


def test_torch_monai_and_the_bare_engine_answer_alike(unets):
    # Numbers that float16 holds, as which tensors may travel; of one window, at whose edges MONAI would see less.
    slices = np.random.default_rng(0).normal(size=(1, 4, *WINDOW)).astype(np.float16).astype(np.float32)
    answers = [peer(unets).predict(Region.WT, slices) for peer in (BareEngine, TorchEager, Monai)]
    assert np.ptp(answers[0]) > 0.01
    np.testing.assert_allclose(answers[1], answers[0], atol=1e-3)
    np.testing.assert_allclose(answers[2], answers[1], atol=1e-5)


def test_the_bare_engine_runs_what_is_served(unets, tmp_path):
    pytest.importorskip("openvino", reason="needs OpenVINO: pip install openvino")
    models = tmp_path / "models"
    shutil.copytree(unets, models)
    for name in MODEL_NAMES.values():
        config = text_format.Parse((models / name / "config.pbtxt").read_text(), ModelConfig())
        config.instance_group[0].count = 2
        config.parameters["intra_op_thread_count"].string_value = "1"
        accelerator = config.optimization.execution_accelerators.cpu_execution_accelerator.add(name="openvino")
        accelerator.parameters["precision"] = "fp32"
        (models / name / "config.pbtxt").write_text(text_format.MessageToString(config))
    served = BareEngine(models)
    assert served.text() == "OpenVINO f32, 2 x 1 threads"
    assert not served.computes_in_bf16
    slices = np.random.default_rng(0).normal(size=(1, 4, 32, 32)).astype(np.float16).astype(np.float32)
    expected = BareEngine(unets).predict(Region.WT, slices)
    np.testing.assert_allclose(served.predict(Region.WT, slices), expected, atol=1e-3)


def test_recorded_batches_are_replayed_as_they_were():
    first, again = Recorder(synthetic.VoxelPredictor()), Recorder(synthetic.VoxelPredictor())
    segment(synthetic.exam(), first, synthetic.plans())
    replay(again, first.batches, in_flight=1)
    assert [region for region, _ in again.batches] == [region for region, _ in first.batches]
    for (_, one), (_, other) in zip(first.batches, again.batches, strict=True):
        np.testing.assert_array_equal(one, other)
