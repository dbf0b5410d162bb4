"""Which patients are scored, through which engine, and how two engines' scores are compared."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from imaging.brats import BratsCase, find_cases
from imaging.evaluation import Scores
from imaging.metrics.summary import Metric
from serving.errors import ModelRepositoryError, ServingError
from serving.evaluation import (
    EvaluationError,
    agrees,
    cases_of,
    compare_with,
    listed_patients,
    open_engine,
    render_differences,
    score,
    validation_patients,
)
from serving.inference.catalog import MODEL_NAMES
from serving.inference.engine import Engine
from serving.settings import Settings
from serving.triton.launcher import TritonServer
from tests.serving.cases import write_case
from tests.serving.model_repository import write_repository


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("brats")
    for patient in (1, 2, 3):
        write_case(root, patient)
    return root


@pytest.fixture(scope="module")
def cases(data: Path) -> tuple[BratsCase, ...]:
    return find_cases(data)


@pytest.fixture(scope="module")
def scores(repository: Path, cases: tuple[BratsCase, ...]) -> Scores:
    return score(Settings(engine=Engine.ONNXRUNTIME, models=repository), cases, on_case=lambda _: None)


def write_provenance(repository: Path, **validation: list[str]) -> None:
    for name, patients in validation.items():
        (repository / name / "provenance.json").write_text(json.dumps({"split": {"validation": patients}}))


def test_every_case_is_scored_in_order(scores: Scores, cases: tuple[BratsCase, ...]) -> None:
    assert [one.case_id for one in scores.cases] == [case.case_id for case in cases]
    assert scores.engine == "onnxruntime"


@pytest.mark.triton
@pytest.mark.parametrize("running", [True, False])
def test_triton_scores_as_onnxruntime_does(
    scores: Scores, cases: tuple[BratsCase, ...], triton: TritonServer, running: bool, tmp_path: Path
) -> None:
    """Whether a Triton runs already, or one of our own is started."""
    settings = Settings(models=triton.settings.repository, triton=triton.address if running else None)
    seen = []

    served = score(settings, cases[:1], on_case=lambda one: seen.append(one.case_id))

    assert served.engine == "triton"
    assert seen == [cases[0].case_id]
    before = tmp_path / "scores.json"
    before.write_text(Scores("onnxruntime", scores.conventions, scores.cases[:1]).to_json())
    assert agrees(compare_with(served, before))


def test_an_engine_that_answers_otherwise_than_at_export_is_not_opened(tmp_path: Path) -> None:
    repository = write_repository(tmp_path)
    config = repository / "unet_et" / "config.pbtxt"
    text = config.read_text()
    start = text.index("[", text.index("probes")) + 1
    config.write_text(text[:start] + "0.0, " + text[text.index(",", start) + 2 :])

    with pytest.raises(ServingError, match="golden"), open_engine(Settings(engine="onnxruntime", models=repository)):
        pytest.fail("it was opened")


def test_a_case_without_reference_is_refused_before_any_work(tmp_path: Path) -> None:
    write_case(tmp_path, 9, reference=False)
    with pytest.raises(EvaluationError, match="must have a reference, got 1 without"):
        score(Settings(models=tmp_path / "none"), find_cases(tmp_path), on_case=lambda _: None)


def test_validation_patients_are_those_recorded_beside_every_model(tmp_path: Path) -> None:
    repository = write_repository(tmp_path)
    write_provenance(repository, **{name: ["00002", "00003"] for name in MODEL_NAMES.values()})
    assert validation_patients(repository) == {"00002", "00003"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "unet_tc: must have a provenance.json; else name the patients, got none"),
        ("{", "unet_tc: provenance.json must tell the validation patients, got JSONDecodeError"),
        ('{"split": {}}', "unet_tc: provenance.json must tell the validation patients, got KeyError"),
        ('{"split": {"validation": ["1"]}}', "models: must have been validated on the same patients, got different"),
    ],
)
def test_a_split_that_is_not_known_for_all_models_is_no_split(
    tmp_path: Path, content: str | None, message: str
) -> None:
    repository = write_repository(tmp_path)
    write_provenance(repository, unet_wt=["00002"], unet_et=["00002"])
    if content is not None:
        (repository / "unet_tc" / "provenance.json").write_text(content)
    with pytest.raises(ModelRepositoryError) as caught:
        validation_patients(repository)
    assert str(caught.value).startswith(message)


def test_models_that_learned_from_everyone_have_nobody_to_be_scored_on(tmp_path: Path) -> None:
    repository = write_repository(tmp_path)
    write_provenance(repository, **{name: [] for name in MODEL_NAMES.values()})
    with pytest.raises(ModelRepositoryError, match="must have validation patients; else name patients, got none"):
        validation_patients(repository)


def test_patients_may_be_listed(tmp_path: Path) -> None:
    file = tmp_path / "patients.txt"
    file.write_text("# ours\n00001\n\n  00003\n")
    assert listed_patients(file) == {"00001", "00003"}


def test_only_cases_of_the_patients_are_chosen(cases: tuple[BratsCase, ...]) -> None:
    assert [case.patient_id for case in cases_of(cases, frozenset({"00003", "00001"}))] == ["00001", "00003"]


def test_a_patient_without_a_case_is_a_fault(cases: tuple[BratsCase, ...]) -> None:
    with pytest.raises(EvaluationError, match="cases of all 2 patients, got none of 1"):
        cases_of(cases, frozenset({"00001", "00042"}))


def test_differences_between_engines_are_found(scores: Scores, tmp_path: Path) -> None:
    file = tmp_path / "scores.json"
    other = json.loads(scores.to_json())
    region = other["cases"][1]["regions"]["tc"]
    region["dsc"] += 0.002
    region["hd95_mm"] = None
    file.write_text(json.dumps(other))

    differences = compare_with(scores, file)

    assert np.isclose(differences[Metric.DSC], 0.002)
    assert not agrees(differences)
    assert "largest difference of dsc: 0.002" in render_differences(differences)
    assert "largest difference of hd95_mm: one has no value" in render_differences(differences)
    assert "largest difference of specificity: 0\n" in render_differences(differences) + "\n"


@pytest.mark.parametrize("change", ["text", "key", "patients"])
def test_scores_that_can_not_be_compared(scores: Scores, tmp_path: Path, change: str) -> None:
    file = tmp_path / "scores.json"
    other = json.loads(scores.to_json())
    if change == "key":
        del other["cases"][0]["case_id"]
    if change == "patients":
        del other["cases"][0]
    file.write_text("no JSON" if change == "text" else json.dumps(other))
    with pytest.raises(EvaluationError):
        compare_with(scores, file)
