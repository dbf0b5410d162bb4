import json
import math
import shutil

import pytest

from imaging.brainmap.maps import BrainMap
from imaging.brainmap.store import digest_map
from imaging.brats import find_cases, load_exam, load_reference
from imaging.evaluation import CaseScore, Scores
from imaging.metrics.policy import MetricStatus
from imaging.metrics.regions import MetricConventions, RegionMetrics
from imaging.regions import Region
from tests.training.conftest import write_patient
from training.dataset import open_dataset
from training.errors import TrainingError
from training.experiments.utility import Diet, render_utility


def write_cohort(root, digests):
    """Cases named as a cohort names them, each with the digest of the map that it was drawn from."""
    for number, digest in enumerate(digests, 11):
        write_patient(root / "made", number % 7, enhancing=True)
        made = next((root / "made").iterdir())
        case = f"BraTS-SYN-{number:05d}-000"
        (root / case).mkdir()
        for kind, suffix in (("t1", "t1n"), ("t1ce", "t1c"), ("t2", "t2w"), ("flair", "t2f")):
            shutil.move(next(made.glob(f"*_{kind}.nii.gz")), root / case / f"{case}-{suffix}.nii.gz")
        # Written with the labels of 2018; a tumour without ET reads the same under those of 2023.
        write_patient(root / "plain", number % 7, enhancing=False)
        plain = next((root / "plain").iterdir())
        shutil.move(next(plain.glob("*_seg.nii.gz")), root / case / f"{case}-seg.nii.gz")
        shutil.rmtree(root / "made")
        shutil.rmtree(root / "plain")
        (root / "provenance").mkdir(exist_ok=True)
        (root / "provenance" / f"{case}.json").write_text(json.dumps({"source": {"map_digest": digest}}))


def arguments(data, cohort, cache, run):
    named = {"--data": data, "--cohort": cohort, "--cache": cache, "--run": run, "--profile": "smoke", "--threads": 1}
    return ["utility", *(part for pair in named.items() for part in pair)]


def test_every_diet_is_learned_from_and_scored_on_real_patients(data, cache, command, tmp_path):
    write_cohort(tmp_path / "cohort", ["a" * 64, "b" * 64])
    asked = arguments(data, tmp_path / "cohort", cache, tmp_path / "run")
    result = command(*asked)
    assert result.exit_code == 0
    assert "| DSC | real | cohort | both | cohort / real | both / real |" in result.output
    assert "cohort: 2 synthetic cases" in result.output
    validation = {case.case_id for case in open_dataset(data, cache, seed=1).validation_found}
    for diet in Diet:
        scores = Scores.from_json((tmp_path / "run" / diet.value / "seed-1" / "scores.json").read_text())
        assert {case.case_id for case in scores.cases} == validation
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "run").rglob("*.pt")}
    again = command(*asked)
    table = (tmp_path / "run" / "utility.md").read_text().strip()
    assert table in result.output
    assert table in again.output
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "run").rglob("*.pt")} == before


def test_a_cohort_of_validation_patients_maps_is_refused(data, cache, command, tmp_path):
    patient = open_dataset(data, cache, seed=1).validation_found[0]
    own = digest_map(BrainMap.of_exam(load_exam(patient), load_reference(patient)))
    write_cohort(tmp_path / "cohort", ["a" * 64, own])
    with pytest.raises(TrainingError, match="must not be drawn from maps of validation patients, got maps of 1"):
        command(*arguments(data, tmp_path / "cohort", cache, tmp_path / "run"))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda cohort: [file.unlink() for file in cohort.glob("provenance/*.json")],
            "must hold the provenance of its cases",
        ),
        (lambda cohort: [file.write_text("{}") for file in cohort.glob("provenance/*.json")], "must name the map"),
        (lambda cohort: [file.unlink() for file in cohort.rglob("*-seg.nii.gz")], "must hold labelled cases"),
    ],
)
def test_what_is_no_cohort_is_refused(data, cache, command, tmp_path, spoil, message):
    write_cohort(tmp_path / "cohort", ["a" * 64])
    spoil(tmp_path / "cohort")
    with pytest.raises(TrainingError, match=message):
        command(*arguments(data, tmp_path / "cohort", cache, tmp_path / "run"))


def test_the_ratio_is_of_means():
    def scores(*dsc):
        def metrics(region, value):
            return RegionMetrics(region, value, math.nan, 1.0, 1.0, MetricStatus.COMPUTED)

        cases = [
            CaseScore(f"P{n}", {region: metrics(region, value) for region in Region}) for n, value in enumerate(dsc)
        ]
        return Scores("torch", MetricConventions(), cases)

    table = render_utility(
        {
            Diet.REAL: [scores(0.8, 0.4), scores(0.8, 0.6)],
            Diet.COHORT: [scores(0.4, 0.4)],
            Diet.BOTH: [scores(0.9, 0.7)],
        },
        synthetic=3,
        real=2,
    )
    assert "| WT | 0.650 | 0.400 | 0.800 | 0.615 (" in table
    assert "2 real validation patients and 2 seed(s)" in table


def test_the_cohort_is_read_as_it_is_named(tmp_path):
    write_cohort(tmp_path, ["a" * 64])
    assert [case.case_id for case in find_cases(tmp_path)] == ["BraTS-SYN-00011-000"]
