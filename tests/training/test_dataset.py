import shutil

import pytest

from imaging.brats import find_cases
from imaging.regions import Region
from training.dataset import open_dataset
from training.errors import TrainingError
from training.plan import load_plan
from training.profiles import ProfileName
from training.records import RunFolder
from training.runs import RunRequest, train
from training.synthesis.plan import GeneratorRunFolder
from training.synthesis.profiles import GeneratorProfileName
from training.synthesis.runs import GeneratorRequest, train_generators
from training.synthesis.vgg import VggSource, VggWeights


def test_every_case_is_on_one_side_prepared_and_on_disk(data, cache):
    dataset = open_dataset(data, cache, seed=1)
    assert [case.case_id for case in dataset.cases] == [case.case_id for case in dataset.found]
    for prepared, found, side in (
        (dataset.train, dataset.train_found, dataset.split.train),
        (dataset.validation, dataset.validation_found, dataset.split.validation),
    ):
        assert [case.case_id for case in prepared] == [case.case_id for case in found]
        assert tuple(case.patient_id for case in found) == side
    assert (len(dataset.train), len(dataset.validation)) == (4, 1)
    assert dataset.fingerprint.cases == 5
    assert dataset.fingerprint.cases_without[Region.ET] == 1


def test_unets_and_generators_of_the_same_seed_have_the_same_split(data, cache, tmp_path):
    splits = []
    for seed in (1, 2, 3):
        # With nothing to train a run only plans.
        folder = RunFolder(tmp_path / f"nets{seed}")
        train(RunRequest(data, folder, cache, ProfileName.SMOKE, (), seed=seed))
        nets = load_plan(folder.plan)
        request = GeneratorRequest(
            data,
            GeneratorRunFolder(tmp_path / f"generators{seed}"),
            cache,
            GeneratorProfileName.SMOKE,
            VggWeights(VggSource.RANDOM),
            targets=(),
            seed=seed,
        )
        generators = train_generators(request)
        assert generators.split == nets.split
        assert generators.fingerprint == nets.fingerprint
        splits.append(nets.split)
    assert len(set(splits)) > 1


def test_unlabelled_cases_are_left_out(data, cache, tmp_path):
    shutil.copytree(data, tmp_path / "data")
    unlabelled = find_cases(tmp_path / "data")[3]
    unlabelled.reference.unlink()
    dataset = open_dataset(tmp_path / "data", cache, seed=1)
    assert len(dataset.found) == len(dataset.cases) == 4
    assert unlabelled.case_id not in [case.case_id for case in dataset.found]
    assert dataset.fingerprint.digest != open_dataset(data, cache, seed=1).fingerprint.digest


def test_no_labelled_case_is_refused(data, cache, tmp_path):
    case = find_cases(data)[0]
    shutil.copytree(case.reference.parent, tmp_path / case.reference.parent.name)
    with pytest.raises(TrainingError, match="patients: must be at least 2, got 1"):
        open_dataset(tmp_path, cache, seed=1)
    (tmp_path / case.reference.parent.name / case.reference.name).unlink()
    with pytest.raises(TrainingError, match="data: must hold BraTS cases with labels, got none"):
        open_dataset(tmp_path, cache, seed=1)
