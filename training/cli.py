"""The command line of this package."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import torch
import typer

from imaging.brats import find_cases
from imaging.errors import ImagingError
from imaging.labels import LabelScheme
from imaging.metrics.markdown import render_markdown
from imaging.regions import Region
from training.calibration import calibrate as run_calibration
from training.dataset import open_dataset
from training.errors import TrainingError
from training.experiments.cli import data_of_tables, study_app
from training.experiments.plan import ExperimentFolder
from training.experiments.profiles import ExperimentName
from training.experiments.tables import Step, TablesRequest, Variant, make_tables
from training.experiments.utility import UtilityRequest, measure_utility
from training.files import write_text_atomically
from training.plan import load_plan
from training.profiles import ProfileName
from training.records import RunFolder
from training.runs import RunRequest
from training.runs import train as run_training
from training.scoring import score_run
from training.synthesis.plan import GeneratorRunFolder
from training.synthesis.profiles import GeneratorProfileName, Target
from training.synthesis.runs import GeneratorRequest, train_generators
from training.synthesis.vgg import VggSource, VggWeights

RANDOM = "random"
"""In place of a file: random features of VGG-19."""

Data = Annotated[Path, typer.Option(help="Folder of BraTS cases, 2018 to 2024.", exists=True, file_okay=False)]
Cache = Annotated[Path, typer.Option(help="Folder of the slice cache.")]
Seed = Annotated[int, typer.Option(help="Of the split, the first weights and all other chance.")]
Threads = Annotated[int | None, typer.Option(help="CPU threads.")]
Scheme = Annotated[LabelScheme | None, typer.Option(help="Of the labels, where names do not tell.")]
Vgg = Annotated[
    str | None,
    typer.Option(help="Weights of VGG-19: torchvision's file or an .npz in Keras layout; or the word random."),
]
CACHE = Path(".cache/slices")

log = logging.getLogger(__name__)

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(study_app, name="reader-study")


@app.callback()
def _configure() -> None:
    """Train and evaluate glioserve's networks, and make the paper's tables."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")


@app.command()
def train(
    *,
    data: Data,
    run: Annotated[Path | None, typer.Option(help="Folder of the run, by default runs/PROFILE.")] = None,
    profile: Annotated[ProfileName, typer.Option(help="Named settings.")] = ProfileName.BEST,
    region: Annotated[list[Region] | None, typer.Option(help="Only these networks, in this order.")] = None,
    folds: Annotated[int | None, typer.Option(help="Cross-validate, then learn from everyone.")] = None,
    part: Annotated[list[int] | None, typer.Option(help="Only these folds, from 1; 0 learns from everyone.")] = None,
    cache: Cache = CACHE,
    seed: Seed = 1,
    threads: Threads = None,
    label_scheme: Scheme = None,
) -> None:
    """Train the three U-Nets; goes on where an earlier call with the same plan stopped."""
    run_training(
        RunRequest(
            data=data,
            folder=RunFolder(run or Path("runs") / profile.value),
            cache=cache,
            profile=profile,
            regions=tuple(region or Region),
            seed=seed,
            threads=threads,
            label_scheme=label_scheme,
            folds=folds,
            parts=tuple(part) if part else None,
        )
    )


@app.command()
def calibrate(
    *,
    data: Data,
    run: Annotated[Path, typer.Option(help="Folder of a cross-validation.", exists=True, file_okay=False)],
    cache: Cache = CACHE,
    threads: Threads = None,
    label_scheme: Scheme = None,
) -> None:
    """Choose the thresholds of a cross-validated run on the patients that each fold left out."""
    if threads is not None:
        torch.set_num_threads(threads)
    folder = RunFolder(run)
    dataset = open_dataset(data, cache, seed=load_plan(folder.plan).seed, label_scheme=label_scheme)
    calibration = run_calibration(folder, dataset.cases)
    for region, threshold in calibration.chosen.items():
        best = max(calibration.dsc[region])
        typer.echo(f"{region.name}: threshold {threshold:g}, mean DSC {best:.3f} of {calibration.patients} patients")


@app.command()
def evaluate(
    *,
    data: Data,
    run: Annotated[Path, typer.Option(help="Folder of the run.", exists=True, file_okay=False)],
    out: Annotated[Path | None, typer.Option(help="Where scores go, by default scores.json in the run.")] = None,
    label_scheme: Scheme = None,
) -> None:
    """Score the patients that the run, or its folds, did not learn from, by the pipeline, with torch."""
    folder = RunFolder(run)
    cases = find_cases(data, label_scheme=label_scheme)
    scores = score_run(folder, cases, on_case=lambda _: log.info("another patient scored"))
    write_text_atomically(out or folder.path / "scores.json", scores.to_json())
    typer.echo(render_markdown(scores.summary()))


@app.command()
def generators(
    *,
    data: Data,
    vgg_weights: Vgg = None,
    run: Annotated[Path | None, typer.Option(help="Folder of the run, by default runs/generators-PROFILE.")] = None,
    profile: Annotated[GeneratorProfileName, typer.Option(help="Named settings.")] = GeneratorProfileName.SMALL,
    target: Annotated[list[Target] | None, typer.Option(help="Only these generators, in this order.")] = None,
    cache: Cache = CACHE,
    seed: Seed = 1,
    threads: Threads = None,
    label_scheme: Scheme = None,
) -> None:
    """Train the Augmentation Network; goes on where an earlier call with the same plan stopped."""
    train_generators(
        GeneratorRequest(
            data=data,
            folder=GeneratorRunFolder(run or Path("runs") / f"generators-{profile.value}"),
            cache=cache,
            profile=profile,
            vgg=vgg_of(vgg_weights),
            targets=tuple(target or Target),
            seed=seed,
            threads=threads,
            label_scheme=label_scheme,
        )
    )


@app.command()
def tables(
    *,
    data: Annotated[
        Path | None, typer.Option(help="Folder of BraTS cases; phantoms where there is none.", file_okay=False)
    ] = None,
    vgg_weights: Vgg = None,
    run: Annotated[Path | None, typer.Option(help="Folder of the run, by default runs/tables-PROFILE.")] = None,
    profile: Annotated[ExperimentName, typer.Option(help="How large.")] = ExperimentName.SMOKE,
    step: Annotated[list[Step] | None, typer.Option(help="Only these steps.")] = None,
    seed_of_arms: Annotated[list[int] | None, typer.Option(help="Train arms with these of the seeds alone.")] = None,
    variant: Annotated[list[Variant] | None, typer.Option(help="Only these generators.")] = None,
    cache: Cache = CACHE,
    seed: Seed = 1,
    threads: Threads = None,
    label_scheme: Scheme = None,
) -> None:
    """Make every table and figure of the paper; goes on where an earlier call stopped."""
    folder = ExperimentFolder(run or Path("runs") / f"tables-{profile.value}")
    make_tables(
        TablesRequest(
            data=data or data_of_tables(folder, profile),
            folder=folder,
            cache=cache,
            name=profile,
            vgg=vgg_of(vgg_weights) if vgg_weights else None,  # nothing is trained where all generators are shipped
            steps=tuple(step or Step),
            seeds=tuple(seed_of_arms) if seed_of_arms else None,
            variants=tuple(variant or Variant),
            seed=seed,
            threads=threads,
            label_scheme=label_scheme,
        )
    )


@app.command()
def utility(
    *,
    data: Data,
    cohort: Annotated[Path, typer.Option(help="A cohort in a BraTS layout.", exists=True, file_okay=False)],
    run: Annotated[Path, typer.Option(help="Folder of the run.")] = Path("runs/utility"),
    profile: Annotated[ProfileName, typer.Option(help="Settings of the U-Nets.")] = ProfileName.SMALL,
    seed: Annotated[list[int] | None, typer.Option(help="Of the U-Nets; several are averaged.")] = None,
    split_seed: Annotated[int, typer.Option(help="Of the split: the one that the generator was trained with.")] = 1,
    cache: Cache = CACHE,
    threads: Threads = None,
) -> None:
    """Measure what a synthetic cohort is worth beside real patients; goes on where an earlier call stopped."""
    typer.echo(
        measure_utility(
            UtilityRequest(
                data=data,
                cohort=cohort,
                folder=run,
                cache=cache,
                profile=profile,
                seeds=tuple(seed or (1,)),
                split_seed=split_seed,
                threads=threads,
            )
        )
    )


def vgg_of(text: str | None) -> VggWeights:
    """What the option says of VGG-19's weights.

    Raises:
        TrainingError: It says nothing: trained features are never replaced by random ones silently.
    """
    if text == RANDOM:
        return VggWeights(VggSource.RANDOM)
    return VggWeights(VggSource.FILE, Path(text) if text else None)


def main() -> None:
    """Run the command line; foreseeable faults are one line on stderr and exit code 1."""
    try:
        app()
    except (ImagingError, TrainingError) as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(1) from None
