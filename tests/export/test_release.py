from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from export import cli
from export.errors import ParityError
from export.parity import ParityBounds, run_graph, run_network
from export.release import ParityExam, release
from export.session import open_graph
from imaging.pipeline.golden import golden_slices
from imaging.regions import Region
from serving.inference.catalog import newest_version
from tests.export.test_model_card import scores
from tests.export.tiny import PLAN, REGION
from training.checkpoint import TrainedModel, load_trained
from training.plan import RunPlan
from training.records import RunFolder
from training.unet import UNet

FILES = {"config.pbtxt", "1/model.onnx", "parity.json", "provenance.json", "MODEL_CARD.md"}


def test_from_run_to_repository_by_command_line(
    run_folder: RunFolder, exam: ParityExam, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run_folder.path / "scores.json").write_text(scores().to_json())
    monkeypatch.setattr(cli, "_parity_exam", lambda _: exam)  # a whole phantom takes too long on a busy machine
    models = tmp_path / "models"
    done = CliRunner().invoke(
        cli.app, [str(run_folder.path), "--models", str(models), "--region", "wt"], catch_exceptions=False
    )
    assert done.exit_code == 0
    assert "largest difference" in done.output
    folder = models / "unet_wt"
    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == FILES
    assert newest_version(models, "unet_wt") == "1"
    assert "| DSC | WT | 0.650 |" in (folder / "MODEL_CARD.md").read_text()
    check_answers(folder / "1" / "model.onnx", load_trained(run_folder, REGION).net)


def check_answers(file: Path, net: UNet) -> None:
    slices = golden_slices(len(PLAN.channels))
    np.testing.assert_allclose(run_graph(open_graph(file.read_bytes()), slices), run_network(net, slices), atol=0.02)


def test_a_failed_gate_writes_nothing(net: UNet, run_plan: RunPlan, exam: ParityExam, tmp_path: Path) -> None:
    model = TrainedModel(net, PLAN, {})
    with pytest.raises(ParityError):
        release(model, run_plan, exam=exam, models=tmp_path, bounds=ParityBounds(probability_difference=0.0))
    assert list(tmp_path.iterdir()) == []


def test_command_line_tells_faults_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["export", str(tmp_path)])
    with pytest.raises(SystemExit, match="1"):
        cli.main()
    assert capsys.readouterr().err == "error: run: must hold a plan.json, got none\n"


@pytest.mark.parametrize("command", [[], ["unets"]])
def test_a_network_that_was_not_trained_is_named(
    run_folder: RunFolder, tmp_path: Path, exam: ParityExam, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setattr(cli, "_parity_exam", lambda _: exam)
    done = CliRunner().invoke(
        cli.app, [*command, str(run_folder.path), "--models", str(tmp_path / "models"), "--region", Region.TC.value]
    )
    assert "weights of TC" in str(done.exception)
    assert not (tmp_path / "models").exists()
