"""All experiments of the paper, one step after the other; each step leaves a file, and is skipped where it lies."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path

import torch

from imaging.evaluation import Scores
from imaging.labels import LabelScheme
from imaging.replicas.markdown import render_replicas
from training.dataset import Dataset, open_dataset
from training.errors import TrainingError
from training.experiments.arms import ONCE, ArmName
from training.experiments.cohort import Cohort, make_cohort
from training.experiments.figures import draw_compared, draw_figure_two, draw_rows
from training.experiments.manipulated import render_findings, try_moved
from training.experiments.memorisation import check_memorisation
from training.experiments.pictures import figure_two_pairs, most_changed, phantom_rows
from training.experiments.plan import ExperimentFolder, ExperimentPlan, make_experiment_plan
from training.experiments.profiles import ExperimentName
from training.experiments.results import render_results
from training.experiments.study import study_items
from training.experiments.table_one import QualityTable, score_generator
from training.experiments.table_one_text import render_table_one
from training.experiments.table_three import ArmScores
from training.experiments.train_arms import arm_models, train_arms
from training.files import write_text_atomically
from training.plan import read_plan, record_plan
from training.predictor import TorchPredictor
from training.reader_study import make_kit
from training.synthesis.painter import TorchPainter, load_generator
from training.synthesis.plan import GeneratorRunFolder, GeneratorRunPlan
from training.synthesis.profiles import Target
from training.synthesis.runs import GeneratorRequest, train_generators
from training.synthesis.vgg import WEIGHTS_RULE, VggWeights

SHOWN_SEED = 0
"""Which of the seeds, by its place, pictures and single cases are of."""
STUDY_SEED = 1
PHANTOM_SEED = 7
"""The quick start's own phantom."""

log = logging.getLogger(__name__)


class Step(StrEnum):
    """A step of the experiments, in order."""

    GENERATORS = "generators"
    TABLE_ONE = "table-one"
    COHORT = "cohort"
    MEMORISATION = "memorisation"
    READER_STUDY = "reader-study"
    TABLE_THREE = "table-three"
    MANIPULATED = "manipulated"
    FIGURES = "figures"
    RESULTS = "results"


class Variant(StrEnum):
    """Which generators draw."""

    JOINT = "joint"
    """One that draws all contrasts at once."""
    PER_CONTRAST = "per-contrast"
    """One for each, as in the paper."""

    @property
    def targets(self) -> tuple[Target, ...]:
        """The generators of this variant."""
        return (Target.JOINT,) if self is Variant.JOINT else (Target.T1, Target.T1CE, Target.T2, Target.FLAIR)


@dataclass(frozen=True)
class TablesRequest:
    """What the caller asks for.

    Args:
        data: Folder of BraTS cases.
        folder: Where everything goes.
        cache: Folder of the slice cache.
        name: Which size.
        vgg: Weights of the first judge; None where no generator is trained.
        steps: Which steps, in the order of `Step`.
        seeds: Which of the profile's seeds this call trains arms with; None for all. Processes may share them.
        variants: Which generators are trained and scored.
        seed: Of the split and of the generators.
        threads: CPU threads; None for torch's choice.
        label_scheme: How labels are read; None as far as names tell.
    """

    data: Path
    folder: ExperimentFolder
    cache: Path
    name: ExperimentName
    vgg: VggWeights | None
    steps: Sequence[Step] = tuple(Step)
    seeds: Sequence[int] | None = None
    variants: Sequence[Variant] = tuple(Variant)
    seed: int = 1
    threads: int | None = None
    label_scheme: LabelScheme | None = None


def make_tables(request: TablesRequest) -> None:
    """Run the steps that are asked for; what an earlier call finished is not done again.

    Raises:
        ImagingError: The data can't be read.
        TrainingError: An earlier step's result is missing, or the folder holds experiments with another plan.
    """
    if request.threads is not None:
        torch.set_num_threads(request.threads)
    run = _Run(request)
    actions: dict[Step, Callable[[], None]] = {
        Step.GENERATORS: run.train_generators,
        Step.TABLE_ONE: run.score_generators,
        Step.COHORT: run.make_cohort,
        Step.MEMORISATION: run.check_memorisation,
        Step.READER_STUDY: run.make_study,
        Step.TABLE_THREE: run.train_arms,
        Step.MANIPULATED: run.move_lesions,
        Step.FIGURES: run.draw_figures,
        Step.RESULTS: run.write_results,
    }
    for step in Step:
        if step in request.steps:
            log.info("step %s", step.value)
            actions[step]()


class _Run:
    """One call of `make_tables`."""

    def __init__(self, request: TablesRequest) -> None:
        self._request = request
        self._folder = request.folder
        self._generators = GeneratorRunFolder(request.folder.generators)

    @cached_property
    def _dataset(self) -> Dataset:
        request = self._request
        return open_dataset(request.data, request.cache, seed=request.seed, label_scheme=request.label_scheme)

    @cached_property
    def _generator_plan(self) -> GeneratorRunPlan:
        plan, here = read_plan(self._generators.plan, GeneratorRunPlan), self._dataset
        # Else it may have learned from those who are now to validate.
        if (plan.split, plan.fingerprint) != (here.split, here.fingerprint):
            raise TrainingError("data", "must be the patients and the split that the generators learned from", "others")
        return plan

    def _painter(self, variant: Variant) -> TorchPainter:
        return TorchPainter(
            [load_generator(self._generators, self._generator_plan, target) for target in variant.targets]
        )

    @cached_property
    def _joint(self) -> TorchPainter:
        return self._painter(Variant.JOINT)

    @cached_property
    def _plan(self) -> ExperimentPlan:
        plan = make_experiment_plan(
            self._request.name,
            self._dataset.split,
            self._dataset.fingerprint,
            generator=self._generators.generator(Target.JOINT).weights,
            synthetic=len(self._dataset.train_found),
        )
        record_plan(plan, self._folder.plan)
        return plan

    def train_generators(self) -> None:
        request = self._request
        wanted = [target for variant in request.variants for target in variant.targets]
        targets = [target for target in wanted if not self._generators.generator(target).shipped.exists()]
        if not targets:
            return
        if request.vgg is None:
            raise TrainingError("vgg_weights", WEIGHTS_RULE, "none")
        train_generators(
            GeneratorRequest(
                data=request.data,
                folder=self._generators,
                cache=request.cache,
                profile=request.name.settings.generator,
                vgg=request.vgg,
                targets=targets,
                seed=request.seed,
                label_scheme=request.label_scheme,
            )
        )

    def score_generators(self) -> None:
        for variant in self._request.variants:
            path = self._folder.quality(variant.value)
            if not path.exists():
                table = score_generator(self._dataset.validation_found, self._painter(variant))
                write_text_atomically(path, table.to_json())
        tables = {
            variant.value: QualityTable.from_json(path.read_text())
            for variant in Variant
            if (path := self._folder.quality(variant.value)).exists()
        }
        write_text_atomically(self._folder.quality_text, render_table_one(tables))

    @cached_property
    def _cohort(self) -> Cohort:
        # The plan holds the generator's digest: a cohort of another generator is refused here.
        return make_cohort(self._dataset.train_found, self._joint, self._folder.cohort, seed=self._plan.cohort_seed)

    def make_cohort(self) -> None:
        log.info("%d synthetic patients", len(self._cohort.made))

    def check_memorisation(self) -> None:
        if not self._folder.replicas.exists():
            report = check_memorisation(self._dataset.train_found, self._cohort.aligned)
            write_text_atomically(self._folder.replicas_text, render_replicas(report))
            write_text_atomically(self._folder.replicas, report.to_json())

    def make_study(self) -> None:
        settings = self._request.name.settings
        items = study_items(
            self._dataset.validation_found,
            self._dataset.train_found,
            self._cohort.made,
            self._joint,
            real=settings.study_real,
            synthetic=settings.study_synthetic,
            seed=STUDY_SEED,
        )
        make_kit(items, self._folder.study, seed=STUDY_SEED, title="Real or synthetic?")

    def train_arms(self) -> None:
        seeds = self._request.seeds or self._plan.seeds
        if unknown := [seed for seed in seeds if seed not in self._plan.seeds]:
            raise TrainingError("seeds", f"must be among the plan's {self._plan.seeds}", f"{unknown}")
        train_arms(self._plan, self._folder, self._dataset, self._cohort.cases, seeds=seeds)

    def move_lesions(self) -> None:
        if self._folder.findings.exists():
            return
        models = arm_models(self._plan, self._folder, ArmName.REAL, self._plan.seeds[SHOWN_SEED])
        plans = {region: model.plan for region, model in models.items()}
        findings, rows = try_moved(self._dataset.validation_found, self._joint, TorchPredictor(models), plans)
        draw_rows(rows, self._folder.figure("moved"))
        write_text_atomically(self._folder.findings_table, render_findings(findings))
        write_text_atomically(self._folder.findings, json.dumps([asdict(one) for one in findings], indent=1) + "\n")

    def draw_figures(self) -> None:
        draw_figure_two(figure_two_pairs(self._dataset.validation_found, self._joint), self._folder.figure("figure-2"))
        seed = self._plan.seeds[SHOWN_SEED]
        improved, worsened = most_changed(self._plan, self._folder, self._dataset.validation_found, seed=seed)
        for name, changed in (("figures-3-4-improved", improved), ("figures-5-6-worsened", worsened)):
            if changed:
                draw_compared(changed, self._folder.figure(name))
        draw_rows(phantom_rows(PHANTOM_SEED, self._joint), self._folder.figure("phantom"))

    def write_results(self) -> None:
        # The page can be written before the disjoint subsets are trained; it then lacks their table alone.
        done = [
            arm.name
            for arm in self._plan.arms
            if arm.name not in ONCE or self._folder.scores(arm.name, self._plan.seeds[0]).exists()
        ]
        scores = ArmScores({name: self._read_scores(name) for name in done})
        text = render_results(self._folder, self._plan, self._generator_plan, scores)
        write_text_atomically(self._folder.results, text)

    def _read_scores(self, arm: ArmName) -> list[Scores]:
        scores = []
        for seed in self._plan.seeds_of(arm):
            path = self._folder.scores(arm, seed)
            if not path.exists():
                raise TrainingError("run", f"must hold the scores of arm '{arm}', seed {seed}", "none")
            scores.append(Scores.from_json(path.read_text()))
        return scores
