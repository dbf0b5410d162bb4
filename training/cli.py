"""The command line of this package."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from imaging.brats import find_cases
from imaging.errors import ImagingError
from imaging.evaluation import evaluate as run_evaluation
from imaging.labels import LabelScheme
from imaging.metrics.markdown import render_markdown
from imaging.regions import Region
from training.checkpoint import load_trained
from training.errors import TrainingError
from training.files import write_text_atomically
from training.plan import load_plan
from training.predictor import TorchPredictor
from training.profiles import ProfileName
from training.records import RunFolder
from training.runs import RunRequest
from training.runs import train as run_training

Data = Annotated[Path, typer.Option(help="Folder of BraTS cases, 2018 to 2024.", exists=True, file_okay=False)]

log = logging.getLogger(__name__)

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def _configure() -> None:
    """Train and evaluate glioserve's networks."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")


@app.command()
def train(
    *,
    data: Data,
    run: Annotated[Path | None, typer.Option(help="Folder of the run, by default runs/PROFILE.")] = None,
    profile: Annotated[ProfileName, typer.Option(help="Named settings.")] = ProfileName.BEST,
    region: Annotated[list[Region] | None, typer.Option(help="Only these networks, in this order.")] = None,
    cache: Annotated[Path, typer.Option(help="Folder of the slice cache.")] = Path(".cache/slices"),
    seed: Annotated[int, typer.Option(help="Of the split, the first weights and all other chance.")] = 1,
    threads: Annotated[int | None, typer.Option(help="CPU threads.")] = None,
    label_scheme: Annotated[LabelScheme | None, typer.Option(help="Of the labels, where names do not tell.")] = None,
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
        )
    )


@app.command()
def evaluate(
    *,
    data: Data,
    run: Annotated[Path, typer.Option(help="Folder of the run.", exists=True, file_okay=False)],
    out: Annotated[Path | None, typer.Option(help="Where scores go, by default scores.json in the run.")] = None,
    label_scheme: Annotated[LabelScheme | None, typer.Option(help="Of the labels, where names do not tell.")] = None,
) -> None:
    """Score the run's validation patients by the pipeline, with torch."""
    folder = RunFolder(run)
    models = {region: load_trained(folder, region) for region in Region}
    patients = set(load_plan(folder.plan).split.validation)
    cases = [case for case in find_cases(data, label_scheme=label_scheme) if case.patient_id in patients]
    if not cases:
        raise TrainingError("data", "must hold the run's validation patients", "none of them")
    scores = run_evaluation(
        cases,
        TorchPredictor(models),
        {region: model.plan for region, model in models.items()},
        engine="torch",
        on_case=lambda _: log.info("another patient scored"),
    )
    write_text_atomically(out or folder.path / "scores.json", scores.to_json())
    typer.echo(render_markdown(scores.summary()))


def main() -> None:
    """Run the command line; foreseeable faults are one line on stderr and exit code 1."""
    try:
        app()
    except (ImagingError, TrainingError) as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(1) from None
