"""Every experiment end to end: profile `smoke`, on phantoms, by the command line."""

import json

import pytest

from training.errors import TrainingError
from training.experiments.arms import ONCE, ArmName
from training.experiments.plan import ExperimentFolder
from training.reader_study import load_key

pytestmark = [pytest.mark.long, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def folder(command, tmp_path_factory):
    """A finished run of all steps."""
    root = tmp_path_factory.mktemp("tables")
    result = command("tables", *options(root))
    assert result.exit_code == 0, result.output
    return ExperimentFolder(root / "run")


def options(root):
    return ("--vgg-weights", "random", "--run", root / "run", "--cache", root / "cache", "--threads", 2)


def test_the_page_holds_every_table_and_figure(folder):
    page = folder.results.read_text()
    for title in ("Table One", "Memorisation", "Table Two", "Table Three", "Lesions moved", "Figures"):
        assert f"## {title}" in page
    for name in ("figure-2", "moved"):
        assert f"figures/{name}.png" in page
        assert folder.figure(name).read_bytes().startswith(b"\x89PNG")
    assert "utility ratio" in page
    assert "four quarters" in page


def test_every_arm_is_scored_with_every_seed(folder):
    plan = json.loads(folder.plan.read_text())
    assert [arm["name"] for arm in plan["arms"]] == [name.value for name in ArmName]
    for name in ArmName:
        for seed in plan["seeds"][:1] if name in ONCE else plan["seeds"]:
            assert len(json.loads(folder.scores(name, seed).read_text())["cases"]) == 1


def test_synthetic_patients_say_how_they_were_made(folder):
    plan = json.loads(folder.plan.read_text())
    records = sorted(folder.cohort.glob("*.edit.json"))
    assert len(records) == len(plan["split"]["train"])
    for record in records:
        content = json.loads(record.read_text())
        assert content["source"].startswith("Phantom_")
        assert content["edit"]["scale"] > 0


def test_the_reader_study_is_ready(folder):
    assert (folder.study / "index.html").exists()
    assert len(load_key(folder.study / "key.json").items) == 4 * (2 + 2)


def test_a_second_call_does_nothing_again(folder, command):
    before = {path: path.stat().st_mtime_ns for path in folder.path.rglob("*.json") if path.name != "key.json"}
    assert (
        command("tables", *options(folder.path.parent), "--step", "table-one", "--step", "table-three").exit_code == 0
    )
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_generator_that_is_shipped_is_not_trained(folder, command):
    shipped = folder.generators / "generator_joint" / "shipped.json"
    try:
        shipped.write_text(json.dumps({"training_seconds": 180}))
        where = ("--run", folder.path, "--cache", folder.path.parent / "cache")
        only = ("--variant", "joint", "--step", "generators", "--step", "results")
        assert command("tables", *where, *only).exit_code == 0
        assert "joint 3 min, as shipped" in folder.results.read_text()
    finally:
        shipped.unlink()


def test_another_generator_is_refused(folder, command):
    weights = folder.generators / "generator_joint" / "generator.pt"
    kept = weights.read_bytes()
    try:
        weights.write_bytes((folder.generators / "generator_t1" / "generator.pt").read_bytes())
        with pytest.raises(TrainingError, match=r"another generator_sha256"):
            command("tables", *options(folder.path.parent), "--step", "table-three")
    finally:
        weights.write_bytes(kept)


def test_what_is_missing_is_told(command, tmp_path):
    with pytest.raises(TrainingError, match="data: must be named for the profile small"):
        command("tables", "--profile", "small", "--run", tmp_path / "run", "--vgg-weights", "random")
    with pytest.raises(TrainingError, match="vgg_weights: must name a file"):
        command("tables", "--run", tmp_path / "run")
