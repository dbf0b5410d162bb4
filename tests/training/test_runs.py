import json

import pytest
import torch

from imaging.regions import Region
from training.checkpoint import load_trained
from training.errors import TrainingError
from training.loop import Trainer
from training.plan import load_plan
from training.records import RunFolder


def arguments(data, cache, folder, *more):
    return ("train", "--data", data, "--run", folder, "--profile", "smoke", "--cache", cache, "--threads", 1, *more)


def test_a_run_leaves_its_plan_weights_history_and_curves(run_folder):
    plan = load_plan(RunFolder(run_folder).plan)
    assert plan.fingerprint.cases == 5
    assert plan.fingerprint.cases_without[Region.ET] == 1
    assert len(plan.split.validation) == 1
    for region in Region:
        folder = RunFolder(run_folder).net(region)
        assert len(json.loads(folder.history.read_text())) == plan.profiles[region].epochs
        assert folder.curves.read_bytes().startswith(b"\x89PNG")
        assert folder.kept.exists()
    assert not list(run_folder.rglob("*.partial"))


def test_a_killed_run_goes_on_to_the_same_weights(data, cache, command, run_folder, tmp_path, monkeypatch):
    class KilledError(Exception):
        pass

    finish = Trainer._finish

    def die_after_first_epoch(self, record):
        finish(self, record)
        if record.epoch == 0:
            raise KilledError

    monkeypatch.setattr(Trainer, "_finish", die_after_first_epoch)
    with pytest.raises(KilledError):
        command(*arguments(data, cache, tmp_path / "run", "--region", "wt"))
    monkeypatch.setattr(Trainer, "_finish", finish)
    assert command(*arguments(data, cache, tmp_path / "run", "--region", "wt")).exit_code == 0
    whole, resumed = (
        torch.load(RunFolder(folder).net(Region.WT).state, weights_only=True)
        for folder in (run_folder, tmp_path / "run")
    )
    assert len(resumed["records"]) == len(whole["records"]) == 2
    for name, weights in whole["net"].items():
        torch.testing.assert_close(resumed["net"][name], weights, msg=name)


def test_a_finished_run_does_nothing_more(data, cache, command, run_folder):
    before = RunFolder(run_folder).net(Region.ET).state.read_bytes()
    assert command(*arguments(data, cache, run_folder)).exit_code == 0
    assert RunFolder(run_folder).net(Region.ET).state.read_bytes() == before


def test_another_plan_in_the_same_folder_is_refused(data, cache, command, run_folder):
    with pytest.raises(TrainingError, match=r"another .*seed"):
        command(*arguments(data, cache, run_folder, "--seed", 2))


def test_trained_models_say_where_they_come_from(run_folder):
    model = load_trained(RunFolder(run_folder), Region.ET)
    assert model.plan.region is Region.ET
    assert 0 < model.plan.min_region_ml < 0.2
    assert load_trained(RunFolder(run_folder), Region.WT).plan.min_region_ml == 0
    assert model.provenance["split"]["validation"]
    assert model.provenance["kept"]["validation_loss"] is not None
    assert not model.net.training
    json.dumps(model.provenance)


def test_a_cross_validation_scores_everyone_by_a_fold_that_left_them_out(data, command, cross_validation):
    run = RunFolder(cross_validation)
    plan = load_plan(run.plan)
    assert len(plan.split.train) == 5
    assert not plan.split.validation
    assert [load_plan(run.fold(number).plan).split for number in (1, 2)] == list(plan.folds)
    shipped = load_trained(run, Region.WT).provenance
    assert shipped["kept"]["epoch"] == plan.profiles[Region.WT].epochs - 1
    assert shipped["kept"]["validation_loss"] is None
    assert len(shipped["folds"]) == 2
    assert command("evaluate", "--data", data, "--run", run.path).exit_code == 0
    scores = json.loads((run.path / "scores.json").read_text())
    assert len({case["case_id"] for case in scores["cases"]}) == 5


def test_parts_that_are_no_folds_are_refused(data, cache, command, tmp_path):
    with pytest.raises(TrainingError, match="parts: must lie between 0 and 2, got 3"):
        command(*arguments(data, cache, tmp_path / "run"), "--folds", 2, "--part", 3)
    with pytest.raises(TrainingError, match="parts: must be named with the number of folds, got none"):
        command(*arguments(data, cache, tmp_path / "run"), "--part", 1)
    assert not (tmp_path / "run").exists()


def test_evaluation_needs_all_validation_patients(command, run_folder, data, tmp_path):
    patient = load_plan(RunFolder(run_folder).plan).split.train[0]
    folder = next(path for path in data.iterdir() if patient in path.name)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / folder.name).symlink_to(folder)
    with pytest.raises(TrainingError, match="data: must hold all 1 validation patients of smoke, got none of 1"):
        command("evaluate", "--data", tmp_path / "data", "--run", run_folder)


def test_missing_runs_and_weights_are_told(tmp_path, run_folder):
    with pytest.raises(TrainingError, match=r"plan\.json"):
        load_trained(RunFolder(tmp_path), Region.WT)
    (tmp_path / "plan.json").write_text((run_folder / "plan.json").read_text())
    with pytest.raises(TrainingError, match="trained weights of WT"):
        load_trained(RunFolder(tmp_path), Region.WT)
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(TrainingError, match="plan of this version"):
        load_plan(tmp_path / "plan.json")


def test_evaluation_scores_the_validation_patients(data, command, run_folder):
    result = command("evaluate", "--data", data, "--run", run_folder)
    assert result.exit_code == 0
    assert "| DSC | WT |" in result.output
    scores = json.loads((run_folder / "scores.json").read_text())
    assert scores["engine"] == "torch"
    assert len(scores["cases"]) == 1
