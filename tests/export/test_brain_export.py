"""Brain extraction from its authors' weights to a served model: graph, parity, release."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from google.protobuf import text_format
from onnx import TensorProto
from tritonclient.grpc.model_config_pb2 import TYPE_UINT8, ModelConfig

from export.brain_cases import HeadCase, head_cases
from export.brain_graph import export_brain
from export.brain_net import LinkNet, normalise
from export.brain_parity import BrainBounds, compare_brain
from export.brain_release import LICENSE_FILE, PLANS, ParityHead, brain_name, release_brain
from export.brain_source import LICENSE_MEMBER, WEIGHTS, BrainSource, read_source
from export.errors import DataError, ParityError
from export.graph import serialise
from export.session import open_graph, run_session
from imaging.brain.golden import golden_head, golden_part
from imaging.brain.plan import BrainStep, BrainStepPlan
from imaging.geometry import Grid
from imaging.pipeline.golden import GoldenAnswer
from imaging.volume import Volume

PLAN = BrainStepPlan(BrainStep.MASK, side=64)
RELEASED = Path(__file__).resolve().parents[2] / "models"


@pytest.fixture(scope="module")
def net() -> LinkNet:
    """Random weights whose answers are lively, rounded to float16 as the released ones are."""
    torch.manual_seed(3)
    net = LinkNet().eval()
    with torch.no_grad():
        net.tp_conv2.weight.mul_(8.0)
    return net.half().float()


@pytest.fixture(scope="module")
def graph(net: LinkNet) -> bytes:
    return serialise(export_brain(net))


@pytest.fixture(scope="module")
def head() -> Volume:
    voxels = golden_head().astype(np.float32) + np.random.default_rng(0).normal(0, 9, (64, 64, 64)).astype(np.float32)
    return Volume(voxels, Grid((64, 64, 64), np.diag([-1.0, 1.0, 1.0, 1.0])))


@pytest.fixture(scope="module")
def cases(head: Volume) -> tuple[HeadCase, ...]:
    return head_cases(head, PLAN)


def test_the_graph_takes_bytes_and_gives_bytes(graph: bytes) -> None:
    model = onnx.load_from_string(graph)

    tensors = (model.graph.input[0], model.graph.output[0])
    assert [tensor.name for tensor in tensors] == ["volume", "probabilities"]
    for tensor in tensors:
        assert tensor.type.tensor_type.elem_type == TensorProto.UINT8
        assert [axis.dim_param for axis in tensor.type.tensor_type.shape.dim] == ["batch", "i", "j", "k"]
    kernels = [one for one in model.graph.initializer if len(one.dims) == 5]
    assert {one.data_type for one in kernels} == {TensorProto.FLOAT16}


def test_heads_are_shown_as_they_are_in_use(cases: tuple[HeadCase, ...]) -> None:
    assert [case.intensities.shape for case in cases] == [(64, 64, 64), (64, 64, 64), (96, 128, 64)]
    for case in cases:
        assert case.intensities.dtype == np.float32
        assert 0.0 <= case.intensities.min() < 0.1 < 0.9 < case.intensities.max() <= 1.0


def test_an_honest_graph_passes(net: LinkNet, graph: bytes, cases: tuple[HeadCase, ...]) -> None:
    loose = BrainBounds(mean_difference=0.01, flipped_share=0.05, dsc_loss=0.05)

    report = compare_brain(net, graph, cases=cases, threshold=0.5, source="a test head", bounds=loose)

    report.require()
    assert [case.brain_voxels > 1000 for case in report.cases] == [True] * 3
    assert report.largest_difference > 0
    assert report.mean_difference < report.largest_difference


def test_another_networks_graph_does_not(graph: bytes, cases: tuple[HeadCase, ...]) -> None:
    torch.manual_seed(4)

    report = compare_brain(LinkNet().eval(), graph, cases=cases, threshold=0.5, source="a test head")

    assert set(report.faults) == {"mean_difference", "flipped_share", "dsc_loss"}
    with pytest.raises(ParityError):
        report.require()


def test_there_must_be_a_head(net: LinkNet, graph: bytes) -> None:
    with pytest.raises(ParityError, match="cases: must be at least one"):
        compare_brain(net, graph, cases=(), threshold=0.5, source="none")


def test_the_network_sees_one_mean_and_spread_whatever_the_scale() -> None:
    x = torch.rand(2, 1, 8, 16, 32) * torch.tensor([3.0, 200.0])[:, None, None, None, None] + 7

    normalised = normalise(x)

    for one in normalised:
        assert float(one.mean()) == pytest.approx(0.449, abs=1e-4)
        assert float(one.std()) == pytest.approx(0.226, abs=1e-3)


def test_a_released_network_is_a_model_that_can_be_served(
    net: LinkNet, graph: bytes, head: Volume, tmp_path: Path
) -> None:
    source = BrainSource(released=net, net=net, licence=b"You may.")
    bounds = BrainBounds(mean_difference=0.01, flipped_share=0.05, dsc_loss=0.05)

    released = release_brain(
        source, BrainStep.MASK, shown=ParityHead(head, "a test head"), models=tmp_path, plan=PLAN, bounds=bounds
    )

    folder = tmp_path / "brain_mask"
    assert released.folder == folder
    assert (folder / "1" / "model.onnx").read_bytes() == graph  # exported twice, to the same bytes
    assert (folder / LICENSE_FILE).read_bytes() == b"You may."
    config = text_format.Parse((folder / "config.pbtxt").read_text(), ModelConfig())
    assert (config.name, config.max_batch_size) == ("brain_mask", 1)
    for tensor in (*config.input, *config.output):
        assert (tensor.data_type, list(tensor.dims)) == (TYPE_UINT8, [-1, -1, -1])
    parameters = {key: value.string_value for key, value in config.parameters.items()}
    assert parameters["onnx_sha256"] == hashlib.sha256(graph).hexdigest()
    assert BrainStepPlan.from_json(parameters["glioserve_plan"]) == PLAN
    golden = golden_head()[np.newaxis]
    answer = run_session(open_graph(graph), golden, shape=golden.shape, dtype=np.uint8)
    GoldenAnswer.from_json(parameters["glioserve_golden"]).check(golden_part(answer[0]))
    card = (folder / "MODEL_CARD.md").read_text()
    assert "$" not in card
    assert "a test head" in card


def test_what_fails_its_gate_is_not_written(
    net: LinkNet, graph: bytes, head: Volume, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("export.brain_release.export_brain", lambda _: onnx.load_from_string(graph))
    source = BrainSource(released=LinkNet().eval(), net=net, licence=b"")

    with pytest.raises(ParityError):
        release_brain(
            source, BrainStep.MASK, shown=ParityHead(head, "a test head"), models=tmp_path / "models", plan=PLAN
        )
    assert not (tmp_path / "models").exists()


def wheel_of(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("members", "complaint"),
    [
        ({}, "wheel: must be that of deepbet 1.0.2, got KeyError"),
        (
            {WEIGHTS[BrainStep.BOX].member: b"other", LICENSE_MEMBER: b""},
            "wheel: must hold weights with the digest 39a7",
        ),
    ],
)
def test_refuses_another_wheel(tmp_path: Path, members: dict[str, bytes], complaint: str) -> None:
    with pytest.raises(DataError, match=complaint):
        read_source(wheel_of(tmp_path / "some.whl", members), BrainStep.BOX)


def test_refuses_what_is_no_wheel(tmp_path: Path) -> None:
    (tmp_path / "some.whl").write_text("no archive")

    with pytest.raises(DataError, match="got BadZipFile"):
        read_source(tmp_path / "some.whl", BrainStep.BOX)


@pytest.mark.parametrize("step", BrainStep)
def test_the_model_repository_holds_what_was_pinned(step: BrainStep) -> None:
    folder = RELEASED / brain_name(step)
    config = text_format.Parse((folder / "config.pbtxt").read_text(), ModelConfig())
    provenance = json.loads((folder / "provenance.json").read_text())
    graph = (folder / "1" / "model.onnx").read_bytes()

    assert BrainStepPlan.from_json(config.parameters["glioserve_plan"].string_value) == PLANS[step]
    assert config.parameters["onnx_sha256"].string_value == hashlib.sha256(graph).hexdigest()
    assert provenance["weights_sha256"] == WEIGHTS[step].sha256
    assert json.loads((folder / "parity.json").read_text())["passed"] is True
    assert "MIT License" in (folder / LICENSE_FILE).read_text()
    assert WEIGHTS[step].sha256 in (folder / "MODEL_CARD.md").read_text()
