import json
import shutil

import pytest
import torch
from typer.testing import CliRunner

from export import cli
from export.errors import RecoveryError
from export.generator_release import release_generator
from export.recover import recover_generator
from tests.export.tiny_generator import RUN_PLAN, lively_generator
from training.errors import TrainingError
from training.synthesis.painter import load_generator
from training.synthesis.plan import GeneratorRunFolder, GeneratorRunPlan
from training.synthesis.profiles import Target

PROVENANCE = {
    "target": "flair",
    **{
        name: json.loads(RUN_PLAN.model_dump_json())[name]
        for name in ("profile_name", "seed", "split", "fingerprint", "versions", "vgg", "vgg_sha256")
    },
    "profile": json.loads(RUN_PLAN.model_dump_json())["profiles"]["flair"],
    "epochs_trained": 2,
    "training_seconds": 60,
    "kept": {"validation_ssim": {"flair": 0.7}},
}


@pytest.fixture(scope="module")
def served(parity_map, tmp_path_factory):
    """A generator in a repository."""
    released = release_generator(
        lively_generator(),
        RUN_PLAN,
        provenance=PROVENANCE,
        shown=parity_map,
        models=tmp_path_factory.mktemp("models"),
    )
    return released.folder


@pytest.fixture
def model(served, tmp_path):
    """A copy to spoil."""
    return shutil.copytree(served, tmp_path / "model")


def spoil(model, **changes):
    (model / "provenance.json").write_text(json.dumps({**PROVENANCE, **changes}))


def test_plan_and_weights_are_those_of_the_training(model, tmp_path):
    run = GeneratorRunFolder(tmp_path / "run")
    result = CliRunner().invoke(cli.app, ["recover", str(model), "--run", str(run.path)], catch_exceptions=False)
    assert "generator flair, recovered" in result.output
    plan = GeneratorRunPlan.model_validate_json(run.plan.read_text())
    assert plan == RUN_PLAN
    recovered, trained = load_generator(run, plan, Target.FLAIR), lively_generator()
    assert recovered.epoch == 2
    for name, tensor in trained.net.state_dict().items():
        # Kernels lie in the graph as float16, whose steps are at most 2 ** -11 of a value.
        torch.testing.assert_close(recovered.net.state_dict()[name], tensor, rtol=2**-11, atol=1e-7)


def test_another_of_the_same_run_may_be_trained_beside_it(model, tmp_path):
    run = GeneratorRunFolder(tmp_path / "run")
    run.path.mkdir()
    run.plan.write_text(RUN_PLAN.model_dump_json())
    assert recover_generator(model, run) is Target.FLAIR


def test_a_run_with_another_plan_is_refused(model, tmp_path):
    run = GeneratorRunFolder(tmp_path / "run")
    run.path.mkdir()
    run.plan.write_text(RUN_PLAN.model_copy(update={"seed": 8}).model_dump_json())
    with pytest.raises(TrainingError, match="another seed"):
        recover_generator(model, run)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"target": "spect"}, "provenance.json: must tell how a generator was trained, got ValueError"),
        ({"split": {"train": ["P1"]}}, "must tell how a generator was trained, got split.validation"),
        ({"profile": {**PROVENANCE["profile"], "epochs": 7}}, "profile: must be what 'smoke' stands for now"),
        ({"target": "joint", "profile": json.loads(RUN_PLAN.model_dump_json())["profiles"]["joint"]}, "model.onnx"),
    ],
)
def test_what_this_version_would_build_otherwise_is_refused(model, tmp_path, changes, fault):
    spoil(model, **changes)
    with pytest.raises(RecoveryError, match=fault):
        recover_generator(model, GeneratorRunFolder(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("content", ["", "[]"])
def test_unreadable_provenance_is_refused(model, tmp_path, content):
    (model / "provenance.json").write_text(content)
    with pytest.raises(RecoveryError, match=r"provenance\.json"):
        recover_generator(model, GeneratorRunFolder(tmp_path / "run"))


def test_what_is_no_graph_is_refused(model, tmp_path):
    (model / "1" / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(RecoveryError, match="must hold a readable"):
        recover_generator(model, GeneratorRunFolder(tmp_path / "run"))


def test_a_missing_field_is_named(model, tmp_path):
    (model / "provenance.json").write_text(
        json.dumps({name: value for name, value in PROVENANCE.items() if name != "vgg"})
    )
    with pytest.raises(RecoveryError, match="got 'vgg'"):
        recover_generator(model, GeneratorRunFolder(tmp_path / "run"))
