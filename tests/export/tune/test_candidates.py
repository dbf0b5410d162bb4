from __future__ import annotations

import pytest
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import TYPE_FP32, ModelConfig, ModelInstanceGroup

from export.engine_choice import Accelerator, BatchBucket, EngineKind, Precision
from export.engine_config import apply_engine
from export.tune.candidates import Candidate, GraphForm, Net, cpu_nets, gpu_nets, to_judge
from export.tune.trial import Trial, distinct, models_of
from imaging.regions import Region

BUCKETS = (BatchBucket(8, 64, 80), BatchBucket(8, 160, 192))


def test_a_cpu_tries_every_engine_and_precision_with_all_its_cores_in_several_ways() -> None:
    nets = cpu_nets(2)
    assert len(nets) == len(set(nets)) == 10
    assert (nets[0].numbers, nets[0].choice.instances, nets[0].reduced) == ("onnxruntime fp32", 1, False)
    assert {net.choice.instances for net in nets} == {1, 2}
    assert {net.choice.instances for net in cpu_nets(64)} == {1, 2, 4, 8}
    assert {net.choice.instances for net in cpu_nets(1)} == {1}


def test_the_gate_judges_each_kind_of_reduced_numbers_once() -> None:
    assert [net.numbers for net in to_judge(cpu_nets(2))] == ["openvino bf16", "onnxruntime int8", "openvino int8"]
    assert {net.choice.instances for net in to_judge(cpu_nets(2))} == {2}
    assert [net.numbers for net in to_judge(gpu_nets(BUCKETS))] == ["cuda tf32", "tensorrt fp16"]


def test_a_region_that_is_kept_has_the_references_bits_and_file() -> None:
    (int8,) = (net for net in to_judge(cpu_nets(2)) if net.numbers == "openvino int8")
    candidate = Candidate(int8, frozenset({Region.ET, Region.TC}))
    assert candidate.of(Region.WT) == int8
    assert candidate.of(Region.ET) == int8.exact
    assert (int8.exact.graph, int8.exact.choice.precision) == (GraphForm.FLOAT, Precision.FP32)
    assert not int8.exact.reduced
    assert candidate.name == "openvino int8, TC and ET in fp32, 2 instances"


def test_a_trial_holds_each_way_once_and_the_first_under_the_models_own_names() -> None:
    nets = cpu_nets(1)
    candidates = [Candidate(net) for net in nets[:3]] + [Candidate(nets[2], frozenset({Region.ET}))]
    trial = Trial.of(candidates, first=nets[0])
    assert trial.nets == nets[:3]  # what is kept in float32 is openvino's float32, which stands there already
    assert trial.names[:3] == ("unet_wt", "unet_tc", "unet_et")
    assert len(set(trial.names)) == 9
    assert models_of(trial, candidates[3]) == {
        Region.WT: "unet_wt_trial_2",
        Region.TC: "unet_tc_trial_2",
        Region.ET: "unet_et_trial_1",
    }


def test_candidates_that_come_to_the_same_are_one() -> None:
    plain, reduced = cpu_nets(1)[1:3]
    assert distinct([Candidate(plain), Candidate(reduced, frozenset(Region))]) == (Candidate(plain),)


@pytest.mark.parametrize("net", gpu_nets(BUCKETS), ids=lambda net: f"{net.numbers} {net.choice.instances}")
def test_a_gpus_candidates_are_configurations_that_triton_knows(net: Net) -> None:
    config = ModelConfig(name="unet_wt", backend="onnxruntime")
    config.input.add(name="slices", data_type=TYPE_FP32, dims=[3, -1, -1])
    apply_engine(config, net.choice)
    again = text_format.Parse(text_format.MessageToString(config), ModelConfig())
    (accelerator,) = again.optimization.execution_accelerators.gpu_execution_accelerator
    assert net.choice.kind is EngineKind.GPU
    assert accelerator.name == net.choice.accelerator.value
    assert [group.kind for group in again.instance_group] == [ModelInstanceGroup.KIND_GPU]
    assert [warm_up.batch_size for warm_up in again.model_warmup] == [8, 8]
    if net.choice.accelerator is Accelerator.TENSORRT:
        assert accelerator.parameters["trt_engine_cache_path"] == "/var/cache/glioserve/tensorrt"
        assert accelerator.parameters["trt_profile_max_shapes"] == "slices:16x3x160x192"
    assert ("FP16" in accelerator.parameters.values()) is (net.choice.precision is Precision.FP16)
