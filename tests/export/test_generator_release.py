from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import TYPE_FP32, TYPE_UINT8, ModelConfig
from typer.testing import CliRunner

from export import cli
from export.errors import ParityError
from export.generator_parity import GeneratorBounds
from export.generator_release import ParityMap, release_generator
from export.session import open_graph, run_session
from imaging.brainmap.golden import golden_maps
from imaging.brainmap.plan import GeneratorPlan
from imaging.pipeline.golden import GoldenAnswer
from tests.export.tiny_generator import GENERATOR_PLAN, RUN_PLAN, TARGET
from training.errors import TrainingError
from training.synthesis.painter import TrainedGenerator
from training.synthesis.plan import GeneratorRunFolder
from training.synthesis.records import GeneratorRecord

FILES = {"config.pbtxt", "1/model.onnx", "parity.json", "provenance.json", "MODEL_CARD.md"}


def write_run(folder: GeneratorRunFolder, generator: TrainedGenerator) -> GeneratorRunFolder:
    """A run of one generator, which has begun another epoch than the one after which its weights were kept."""
    files = folder.generator(TARGET)
    files.path.mkdir(parents=True)
    folder.plan.write_text(RUN_PLAN.model_dump_json())
    torch.save({"net": generator.net.state_dict(), "epoch": generator.epoch}, files.weights)
    records = [
        GeneratorRecord(
            epoch=epoch,
            terms={"image": 0.1},
            weights={"image": 1.0},
            adapted=False,
            discriminator_loss=None,
            validation_ssim={"flair": 0.7 + epoch / 100},
            seconds=30.0,
        )
        for epoch in range(generator.epoch + 1)
    ]
    files.history.write_text(json.dumps([asdict(record) for record in records]))
    return folder


def export(run: GeneratorRunFolder, models: Path, *arguments: str) -> str:
    command = ["generators", str(run.path), "--models", str(models), *arguments]
    done = CliRunner().invoke(cli.app, command, catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


@pytest.fixture
def run(tmp_path: Path, generator: TrainedGenerator) -> GeneratorRunFolder:
    return write_run(GeneratorRunFolder(tmp_path / "run"), generator)


@pytest.fixture(scope="module", autouse=True)
def _small_map(parity_map: ParityMap) -> Iterator[None]:
    """A whole phantom takes too long on a busy machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli, "_parity_map", lambda: parity_map)
        yield


@pytest.fixture(scope="module")
def models(generator: TrainedGenerator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository, exported into by command line."""
    folder = tmp_path_factory.mktemp("exported")
    (folder / "quality.md").write_text("SSIM of 0.9, measured.")
    run = write_run(GeneratorRunFolder(folder / "run"), generator)
    output = export(run, folder / "models", "--target", "flair", "--quality", str(folder / "quality.md"))
    assert "generator_flair: largest difference" in output
    return folder / "models"


def test_from_run_to_repository_by_command_line(models: Path, generator: TrainedGenerator) -> None:
    folder = models / "generator_flair"
    assert {str(path.relative_to(models)) for path in models.rglob("*") if path.is_file()} == {
        f"generator_flair/{file}" for file in FILES
    }
    config = text_format.Parse((folder / "config.pbtxt").read_text(), ModelConfig())
    values = {key: parameter.string_value for key, parameter in config.parameters.items()}
    graph = (folder / "1/model.onnx").read_bytes()
    assert (config.name, config.backend, config.max_batch_size) == ("generator_flair", "onnxruntime", 4)
    assert [(one.name, one.data_type, list(one.dims)) for one in config.input] == [("maps", TYPE_UINT8, [7, -1, -1])]
    assert [(one.name, one.data_type, list(one.dims)) for one in config.output] == [("images", TYPE_FP32, [1, -1, -1])]
    assert values["onnx_sha256"] == hashlib.sha256(graph).hexdigest()
    plan = GeneratorPlan.from_json(values["glioserve_plan"])
    assert plan == GENERATOR_PLAN
    golden = GoldenAnswer.from_json(values["glioserve_golden"])
    maps = golden_maps(plan.channels)
    assert golden.check(run_session(open_graph(graph), maps, shape=(2, 1, 64, 64))) < 1e-4
    with torch.inference_mode():
        assert golden.check(generator.net(torch.from_numpy(maps).float()).numpy()) < golden.tolerance


def test_provenance_ends_with_the_epoch_that_was_kept(models: Path) -> None:
    provenance = json.loads((models / "generator_flair" / "provenance.json").read_text())
    assert provenance["target"] == "flair"
    assert provenance["kept"]["validation_ssim"] == {"flair": 0.71}
    assert (provenance["epochs_trained"], provenance["training_seconds"]) == (2, 60)
    assert provenance["split"] == {"train": ["P1", "P2"], "validation": ["P3"]}
    assert provenance["profile"]["widths"] == [8, 8, 8, 8]
    assert provenance["versions"]["torch"] == "2.13.0"
    assert "SSIM of 0.9, measured." in (models / "generator_flair" / "MODEL_CARD.md").read_text()


def test_all_that_a_run_holds_are_exported_the_same(run: GeneratorRunFolder, models: Path, tmp_path: Path) -> None:
    export(run, tmp_path / "models", "--quality", str(models.parent / "quality.md"))
    for file in FILES:
        again = (tmp_path / "models" / "generator_flair" / file).read_bytes()
        assert again == (models / "generator_flair" / file).read_bytes(), file


def test_a_failed_gate_writes_nothing(generator: TrainedGenerator, parity_map: ParityMap, tmp_path: Path) -> None:
    with pytest.raises(ParityError):
        release_generator(
            generator,
            RUN_PLAN,
            provenance={},
            shown=parity_map,
            models=tmp_path,
            bounds=GeneratorBounds(largest_difference=0.0),
        )
    assert list(tmp_path.iterdir()) == []


def test_a_history_that_is_too_short_is_told(run: GeneratorRunFolder, tmp_path: Path) -> None:
    run.generator(TARGET).history.write_text("[]")
    with pytest.raises(TrainingError, match="must tell of 2 epochs or more, got 0"):
        export(run, tmp_path / "models")


def test_faults_of_the_run_are_one_line(
    run: GeneratorRunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run.generator(TARGET).weights.unlink()
    for arguments, fault in (
        (["--target", "t1"], "error: run: must hold trained weights of the generator t1, got none\n"),
        ([], "error: run: must hold trained weights of a generator, got none\n"),
        (["--quality", str(tmp_path / "none.md")], "error: quality: must be a readable text, got FileNotFoundError\n"),
    ):
        monkeypatch.setattr("sys.argv", ["export", "generators", str(run.path), *arguments])
        with pytest.raises(SystemExit, match="1"):
            cli.main()
        assert capsys.readouterr().err == fault
