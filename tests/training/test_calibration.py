import json
import shutil

import numpy as np
import pytest
import torch

from imaging.regions import Region
from training.calibration import THRESHOLDS, calibrate
from training.checkpoint import load_trained
from training.errors import TrainingError
from training.plan import load_plan
from training.records import RunFolder
from training.thresholds import load_calibration


@pytest.fixture
def run(cross_validation, tmp_path):
    """A cross-validation of a test's own."""
    shutil.copytree(cross_validation, tmp_path / "run")
    return RunFolder(tmp_path / "run")


def make_constant(run, part, region, probability):
    """Replaces a fold's network by one that answers the same everywhere."""
    path = run.fold(part).net(region).kept
    content = torch.load(path, weights_only=True)
    weights = content["net"]
    weights["head.weight"] = torch.zeros_like(weights["head.weight"])
    weights["head.bias"] = torch.full_like(weights["head.bias"], float(np.log(probability / (1 - probability))))
    torch.save(content, path)


def test_thresholds_are_chosen_recorded_and_used(run, data, cache, command):
    result = command("calibrate", "--data", data, "--run", run.path, "--cache", cache, "--threads", 1)
    assert result.exit_code == 0
    assert "WT: threshold" in result.output
    calibration = load_calibration(run)
    assert calibration.patients == 5
    for region in Region:
        best = max(calibration.dsc[region])
        assert calibration.dsc[region][THRESHOLDS.index(calibration.chosen[region])] == best
        model = load_trained(run, region)
        assert model.plan.threshold == calibration.chosen[region]
        assert model.provenance["calibration"]["patients"] == 5
    json.dumps(load_trained(run, Region.WT).provenance)


def test_a_folds_threshold_owes_nothing_to_its_own_patients(run, cases):
    """Two folds: each must take the threshold that is best for the other's patients, whatever is best for its own."""
    make_constant(run, 1, Region.WT, 0.25)  # found everywhere up to 0.2, nowhere from 0.3 on
    make_constant(run, 2, Region.WT, 0.65)  # found everywhere up to 0.6
    calibrate(run, cases)
    of_first, of_second = (load_calibration(run.fold(part)) for part in (1, 2))
    assert of_first.dsc[Region.WT][THRESHOLDS.index(0.6)] > 0
    assert of_first.dsc[Region.WT][THRESHOLDS.index(0.7)] == 0
    assert of_second.dsc[Region.WT][THRESHOLDS.index(0.2)] > 0
    assert of_second.dsc[Region.WT][THRESHOLDS.index(0.3)] == 0
    sizes = [len(split.validation) for split in load_plan(run.plan).folds]
    assert (of_second.patients, of_first.patients) == tuple(sizes)


def test_patients_without_a_region_have_no_say(run, cases):
    """One of the five has no ET: the mean is over the other four."""
    for part in (1, 2):
        make_constant(run, part, Region.ET, 0.999)
    everywhere = calibrate(run, cases).dsc[Region.ET]
    assert len(set(everywhere)) == 1
    assert 0 < everywhere[0] < 1


def test_runs_without_calibration_keep_the_usual_threshold(cross_validation):
    assert load_trained(RunFolder(cross_validation), Region.WT).plan.threshold == 0.5


def test_only_finished_cross_validations_with_their_patients_are_calibrated(run, run_folder, cases):
    with pytest.raises(TrainingError, match="run: must be a cross-validation"):
        calibrate(RunFolder(run_folder), cases)
    with pytest.raises(TrainingError, match="data: must hold the validation patients of fold_1, got none of them"):
        calibrate(run, [])
    run.fold(2).net(Region.TC).kept.unlink()
    with pytest.raises(TrainingError, match="trained weights of TC"):
        calibrate(run, cases)
    assert load_calibration(run) is None


def test_a_broken_record_is_told(run):
    run.calibration.write_text("{}")
    with pytest.raises(TrainingError, match=r"calibration\.json: must be a calibration of this version"):
        load_trained(run, Region.WT)
