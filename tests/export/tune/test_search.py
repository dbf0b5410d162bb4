from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig

from export.engine_choice import EngineKind
from export.errors import TuneError
from export.tune.candidates import Candidate, GraphForm, cpu_nets
from export.tune.cohort import Cohort
from export.tune.engines import CandidateEngine, ReferenceEngine
from export.tune.install import INT8_FILE, install
from export.tune.machine import Machine
from export.tune.networks import plans_of, read_networks
from export.tune.record import EngineRecord
from export.tune.run import TuneOrder
from export.tune.search import Search
from export.tune.server import OwnTriton
from export.tune.timing import Times
from export.tune.trial import Trial, models_of
from imaging.brats import BratsCase
from imaging.pipeline.golden import golden_slices
from imaging.regions import Region
from serving.errors import TritonRuntimeError
from serving.inference.catalog import repository_catalog
from serving.triton.runtime import find_runtime
from tests.export.tune.in_process import InProcess

MACHINE = Machine(processor="a processor", flags=(), cores=1, gpus=(), versions={"onnxruntime": "1"})


def search(models: Path, patients: tuple[BratsCase, ...], work: Path, server: InProcess) -> Search:
    networks = read_networks(models)
    return Search(
        networks=networks,
        cohort=Cohort(patients, plans_of(networks)),
        kind=EngineKind.CPU,
        machine=MACHINE,
        server=server,
        work=work,
        rounds=1,
        say=lambda _: None,
    )


@pytest.fixture(scope="module")
def spoilt() -> InProcess:
    """OpenVINO in bf16 marks less of ET; everything in int8 is far off."""
    int8 = {(numbers, region) for numbers in ("onnxruntime int8", "openvino int8") for region in Region}
    return InProcess(spoilt=frozenset({("openvino bf16", Region.ET), *int8}), shift=-0.4)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def record(models: Path, patients: tuple[BratsCase, ...], work: Path, spoilt: InProcess) -> EngineRecord:
    return search(models, patients, work, spoilt).run()


def test_what_fails_is_recorded_as_failed_and_not_timed(record: EngineRecord) -> None:
    verdicts = {gate.numbers: gate.passed for gate in record.gates}
    assert verdicts["onnxruntime int8"] is False
    assert verdicts["openvino int8"] is False
    assert not any("int8" in name for name in record.times)
    assert record.patients == 2


def test_a_region_that_fails_alone_keeps_its_network_in_float32_and_is_judged_again(record: EngineRecord) -> None:
    first, again = (gate for gate in record.gates if gate.numbers.startswith("openvino bf16"))
    assert (first.numbers, first.passed, first.faults) == ("openvino bf16", False, (Region.ET,))
    assert first.golden_faults == (Region.ET,)
    assert (again.numbers, again.passed) == ("openvino bf16, ET in fp32", True)
    assert "openvino bf16, ET in fp32, 1 instance" in record.times
    assert "openvino bf16, 1 instance" not in record.times


def test_a_search_that_is_done_starts_nothing_and_finds_the_same(
    models: Path, patients: tuple[BratsCase, ...], work: Path, record: EngineRecord
) -> None:
    again = InProcess()
    assert search(models, patients, work, again).run().to_json() == record.to_json()
    assert again.served == []


def test_the_record_names_no_patient_and_holds_what_decides(
    record: EngineRecord, patients: tuple[BratsCase, ...]
) -> None:
    text = record.to_json()
    assert all(case.case_id not in text and case.patient_id not in text for case in patients)
    told = json.loads(text)
    assert told["exam_seconds"].keys() == record.times.keys()
    assert told["exam_seconds"][told["compared_with"]]["speedup"] == 1.0
    assert told["served"]["wt"]["choice"]["accelerator"] in {"none", "openvino"}
    assert told["machine"]["processor"] == "a processor"


def test_speeds_are_told_against_the_plain_candidate(record: EngineRecord) -> None:
    quick, slow = Times((1.0, 1.0)), Times((4.0, 4.0))
    told = EngineRecord(**{**vars(record), "plain": "slow", "times": {"slow": slow, "quick": quick}})
    assert json.loads(told.to_json())["exam_seconds"]["quick"]["speedup"] == 4.0
    assert "| quick | 1.00 | 0.00 | 4.00 |" in told.to_table()
    assert "failed, golden slices of WT and TC and ET |" in told.to_table()


def test_the_choice_is_served_with_its_record_and_the_networks_are_untouched(
    models: Path, record: EngineRecord, tmp_path: Path
) -> None:
    mine = Path(shutil.copytree(models, tmp_path / "models"))
    networks = read_networks(mine)
    install(record, networks, {})
    catalog = repository_catalog(mine)
    for region in Region:
        folder, before = mine / f"unet_{region.value}", repository_catalog(models)[region]
        assert (catalog[region].plan, catalog[region].golden, catalog[region].sha256) == (
            before.plan,
            before.golden,
            before.sha256,
        )
        config = text_format.Parse((folder / "config.pbtxt").read_text(), ModelConfig())
        assert config.instance_group[0].count == record.chosen.of(region).choice.instances
        assert (folder / "engine.json").read_text() == record.to_json()
        card = (folder / "MODEL_CARD.md").read_text()
        assert "Not measured." not in card
        assert "| openvino int8 |" in card
        assert card.endswith("\n## Limits\n\n- Many.\n")


def test_a_quantised_network_stands_beside_the_one_it_was_made_of(
    models: Path, record: EngineRecord, tmp_path: Path
) -> None:
    mine = Path(shutil.copytree(models, tmp_path / "models"))
    (int8,) = (net for net in cpu_nets(1) if net.numbers == "openvino int8")
    chosen = EngineRecord(**{**vars(record), "chosen": Candidate(int8, frozenset({Region.ET}))})
    install(chosen, read_networks(mine), {GraphForm.INT8: dict.fromkeys(Region, b"eight bits")})
    names = {
        region: text_format.Parse((mine / f"unet_{region.value}/config.pbtxt").read_text(), ModelConfig())
        for region in Region
    }
    assert {region: config.default_model_filename for region, config in names.items()} == {
        Region.WT: INT8_FILE,
        Region.TC: INT8_FILE,
        Region.ET: "",
    }
    assert (mine / "unet_wt" / "1" / INT8_FILE).read_bytes() == b"eight bits"
    assert not (mine / "unet_et" / "1" / INT8_FILE).exists()
    read_networks(mine)


def test_a_gpu_is_searched_by_a_triton_that_has_one() -> None:
    order = {"cases": (), "models": Path(), "patients": None, "rounds": 1, "work": Path(), "install": False}
    with pytest.raises(TuneError, match="triton: must be named for a GPU"):
        TuneOrder(kind=EngineKind.GPU, triton=None, repository=None, **order)
    with pytest.raises(TuneError, match="triton: must be given with its repository"):
        TuneOrder(kind=EngineKind.CPU, triton="triton:8001", repository=None, **order)


def test_patients_without_references_can_judge_nothing(models: Path) -> None:
    with pytest.raises(TuneError, match="data: must hold at least one case"):
        Cohort((), plans_of(read_networks(models)))


@pytest.mark.triton
def test_candidates_answer_side_by_side_behind_a_real_triton(models: Path) -> None:
    try:
        find_runtime()
    except TritonRuntimeError as error:
        pytest.skip(str(error))
    networks = read_networks(models)
    graphs = {GraphForm.FLOAT: {region: network.graph for region, network in networks.items()}}
    plain, openvino = (net for net in cpu_nets(1) if net.numbers in {"onnxruntime fp32", "openvino fp32"})
    trial = Trial((plain, openvino))
    reference = ReferenceEngine(graphs[GraphForm.FLOAT])
    with OwnTriton().serve(trial, networks, graphs) as client:
        for net in trial.nets:
            engine = CandidateEngine(client, models_of(trial, Candidate(net)))
            for region, network in networks.items():
                assert network.answers_golden(engine)
                slices = golden_slices(len(network.plan.channels))
                difference = np.abs(engine.predict(region, slices) - reference.predict(region, slices))
                assert difference.max() < 1e-3
        with pytest.raises(TuneError, match="must be served by Triton"):
            CandidateEngine(client, dict.fromkeys(Region, "unet_of_nobody"))
