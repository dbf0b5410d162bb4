import json

import pytest
import torch

from training.errors import TrainingError
from training.plan import read_plan
from training.synthesis import loop
from training.synthesis.plan import GeneratorRunFolder, GeneratorRunPlan
from training.synthesis.profiles import GeneratorProfileName, Target, generator_profile
from training.synthesis.vgg import Vgg19, VggSource, VggWeights


def state_of(folder, target):
    return torch.load(folder.generator(target).state, weights_only=True)


def weights_of(folder, target):
    return torch.load(folder.generator(target).weights, weights_only=True)


def assert_same(one, other, where=""):
    """Equal to the last bit, however deep."""
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other), where
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key, value in one.items():
            assert_same(value, other[key], f"{where}/{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for index, (a, b) in enumerate(zip(one, other, strict=True)):
            assert_same(a, b, f"{where}/{index}")
    else:
        assert one == other, where


def test_a_run_leaves_its_plan_weights_history_and_pictures(generator_run):
    folder, plan = generator_run
    assert read_plan(folder.plan, GeneratorRunPlan) == plan
    assert plan.profiles == {target: generator_profile(GeneratorProfileName.SMOKE, target) for target in Target}
    assert plan.channels == {target: target.channels for target in Target}
    assert plan.vgg is VggSource.RANDOM
    assert plan.vgg_sha256 is None
    assert plan.fingerprint.cases == 5
    for target in (Target.JOINT, Target.T1):
        files = folder.generator(target)
        history = json.loads(files.history.read_text())
        assert [record["epoch"] for record in history] == list(range(plan.profiles[target].epochs))
        assert all(set(record["validation_ssim"]) == set(target.draws) for record in history)
        assert files.curves.read_bytes().startswith(b"\x89PNG")
        assert files.samples.read_bytes().startswith(b"\x89PNG")
    assert not folder.generator(Target.T2).path.exists()
    assert not list(folder.path.rglob("*.partial"))


def test_what_is_kept_is_the_average(generator_run):
    folder, plan = generator_run
    kept = weights_of(folder, Target.T1)
    state = state_of(folder, Target.T1)
    assert kept["epoch"] == plan.profiles[Target.T1].epochs
    averaged = {name.removeprefix("module."): value for name, value in state["average"].items() if "." in name}
    assert_same(kept["net"], averaged)
    assert any(not torch.equal(kept["net"][name], state["generator"][name]) for name in kept["net"])


def test_a_killed_run_goes_on_to_the_same_bits(request_run, generator_run, tmp_path, monkeypatch):
    class KilledError(Exception):
        pass

    folder = GeneratorRunFolder(tmp_path)
    files = folder.generator(Target.JOINT)
    save = loop.save_atomically

    def die_before_the_second_state(path, content):
        if path == files.state and len(content["records"]) == 2:
            raise KilledError
        save(path, content)

    monkeypatch.setattr(loop, "save_atomically", die_before_the_second_state)
    with pytest.raises(KilledError):
        request_run(tmp_path, Target.JOINT)
    monkeypatch.undo()
    # All but the state is of the second epoch already: the epoch is repeated.
    assert len(json.loads(files.history.read_text())) == 2
    halfway = state_of(folder, Target.JOINT)
    assert len(halfway["records"]) == 1
    request_run(tmp_path, Target.JOINT)
    whole, resumed = (state_of(run, Target.JOINT) for run in (generator_run[0], folder))
    for record in (*whole["records"], *resumed["records"]):
        assert record.pop("seconds") > 0
    assert set(whole) == {"generator", "critic", "average", "optimizer", "critic_optimizer", "weights", "records"}
    assert_same(whole, resumed)
    assert_same(*(weights_of(run, Target.JOINT) for run in (generator_run[0], folder)))
    kernels = [name for name in whole["critic"] if name.endswith("weight")]
    assert not any(torch.equal(halfway["critic"][name], whole["critic"][name]) for name in kernels)


def test_a_finished_run_does_nothing_more(request_run, generator_run):
    folder, _ = generator_run
    before = {path: path.stat().st_mtime_ns for path in folder.path.rglob("*")}
    request_run(folder.path, Target.T1)
    assert {path: path.stat().st_mtime_ns for path in folder.path.rglob("*")} == before


def test_another_plan_in_the_same_folder_is_refused(request_run, generator_run, tmp_path):
    folder, _ = generator_run
    with pytest.raises(TrainingError, match=r"run: .*another .*seed"):
        request_run(folder.path, seed=2)
    files = []
    for number in (1, 2):
        torch.manual_seed(number)
        torch.save(Vgg19(1).state_dict(), tmp_path / f"vgg{number}.pt")
        files.append(VggWeights(VggSource.FILE, tmp_path / f"vgg{number}.pt"))
    with pytest.raises(TrainingError, match=r"another vgg, vgg_sha256"):
        request_run(folder.path, vgg=files[0])
    assert len(request_run(tmp_path / "run", vgg=files[0]).vgg_sha256) == 64
    with pytest.raises(TrainingError, match=r"another vgg_sha256"):
        request_run(tmp_path / "run", vgg=files[1])
    (tmp_path / "moved.pt").write_bytes(files[0].path.read_bytes())
    request_run(tmp_path / "run", vgg=VggWeights(VggSource.FILE, tmp_path / "moved.pt"))
