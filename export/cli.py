"""The command line of this package."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from export.brain_release import ParityHead, release_brain
from export.brain_source import read_source
from export.engine_choice import EngineKind
from export.errors import ExportError, FactsError
from export.generator_release import ParityMap, release_generator
from export.recover import recover_generator
from export.release import ParityExam, release
from export.replicas import INDEX_FILE, build_index
from export.scores import load_scores
from imaging.brain.plan import BrainStep
from imaging.brainmap.maps import BrainMap
from imaging.brats import find_cases, load_exam, load_reference
from imaging.errors import ImagingError
from imaging.labels import LabelScheme
from imaging.modality import Modality
from imaging.phantom.phantom import make_phantom
from imaging.phantom.skull import with_skull
from imaging.regions import Region
from training.checkpoint import load_trained
from training.errors import TrainingError
from training.plan import load_plan, read_plan
from training.records import RunFolder
from training.synthesis.painter import load_generator
from training.synthesis.plan import GeneratorRunFolder, GeneratorRunPlan
from training.synthesis.profiles import Target
from training.synthesis.provenance import generator_provenance

PHANTOM_SEED = 3
UNETS = "unets"

Run = Annotated[Path, typer.Argument(help="Folder of a training run.", exists=True, file_okay=False)]
Models = Annotated[Path, typer.Option(help="The model repository.")]


class _UNetsByDefault(TyperGroup):
    """Takes what is no command's name for the run of `unets`."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]  # its own Context
        first = next(iter(args), "--help")
        return super().parse_args(ctx, args if first in {*self.commands, "--help"} else [UNETS, *args])


app = typer.Typer(cls=_UNetsByDefault, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def _describe() -> None:
    """Export trained networks into a verified Triton model repository. `export RUN` is short for `export unets RUN`."""


@app.command(UNETS)
def unets(
    run: Run,
    *,
    models: Models = Path("models"),
    region: Annotated[list[Region] | None, typer.Option(help="Only these networks.")] = None,
    scores: Annotated[
        Path | None, typer.Option(help="Scores for the model cards, by default scores.json in the run if it is there.")
    ] = None,
    case: Annotated[
        Path | None, typer.Option(help="BraTS folder with a reference to compare by; by default a phantom.")
    ] = None,
) -> None:
    """Export the U-Nets of a run."""
    folder = RunFolder(run)
    plan = load_plan(folder.plan)
    exam = _parity_exam(case)
    default = folder.path / "scores.json"
    file = scores or (default if default.exists() else None)
    summary = load_scores(file).summary() if file else None
    for one in region or list(Region):
        released = release(load_trained(folder, one), plan, exam=exam, models=models, scores=summary)
        parity = released.parity
        typer.echo(
            f"{released.folder}: largest difference {parity.probability_difference:.2g}, "
            f"flipped {parity.flipped_share:.2g} of mask voxels, DSC changed by {parity.dsc_change:.2g}"
        )


@app.command()
def generators(
    run: Run,
    *,
    models: Models = Path("models"),
    target: Annotated[list[Target] | None, typer.Option(help="Which generators; by default all that it holds.")] = None,
    quality: Annotated[Path | None, typer.Option(help="Markdown for the cards: likeness to real images.")] = None,
    replicas: Annotated[Path | None, typer.Option(help="Markdown for the cards: likeness to training images.")] = None,
) -> None:
    """Export the generators of a run."""
    folder = GeneratorRunFolder(run)
    plan = read_plan(folder.plan, GeneratorRunPlan)
    quality_text, replicas_text = _read_text("quality", quality), _read_text("replicas", replicas)
    chosen = target or [one for one in Target if folder.generator(one).weights.exists()]
    if not chosen:
        raise TrainingError("run", "must hold trained weights of a generator", "none")
    trained = [load_generator(folder, plan, one) for one in chosen]
    shown = _parity_map()
    for generator in trained:
        released = release_generator(
            generator,
            plan,
            provenance=generator_provenance(folder, plan, generator),
            shown=shown,
            models=models,
            quality=quality_text,
            replicas=replicas_text,
        )
        parity = released.parity
        typer.echo(
            f"{released.folder}: largest difference {parity.largest_difference:.2g}, "
            f"mean {parity.mean_difference:.2g}, SSIM at most {parity.ssim_loss:.2g} below 1"
        )


@app.command()
def recover(
    model: Annotated[Path, typer.Argument(help="A generator in the model repository.", exists=True, file_okay=False)],
    *,
    run: Annotated[Path, typer.Option(help="Folder of the run of generators that is made.", file_okay=False)],
) -> None:
    """Make a run of generators again from a served one, for experiments with what is shipped."""
    target = recover_generator(model, GeneratorRunFolder(run))
    typer.echo(f"{run}: generator {target.value}, recovered")


@app.command()
def replicas(
    *,
    data: Annotated[
        Path, typer.Option(help="All BraTS cases that the generator was trained on.", exists=True, file_okay=False)
    ],
    model: Annotated[
        Path, typer.Option(help="The generator in the model repository.", exists=True, file_okay=False)
    ] = Path("models/generator_joint"),
    label_scheme: Annotated[LabelScheme | None, typer.Option(help="Of the labels, as in training.")] = None,
) -> None:
    """Index a generator's training patients without images, so that replicas of them are told."""
    built = build_index(data, model, label_scheme=label_scheme)
    index = built.index
    typer.echo(f"{model / INDEX_FILE}: {len(index.hashes)} slices of {index.patient_count} patients")
    for kind, trial in built.trials.items():
        typer.echo(
            f"{kind}: {trial.replicas} of {trial.cases} called replicas, "
            f"{trial.smallest_share:.1%} to {trial.largest_share:.1%} of a case's slices flagged"
        )


@app.command()
def tune(
    *,
    data: Annotated[Path, typer.Option(help="BraTS cases with references.", exists=True, file_okay=False)],
    models: Models = Path("models"),
    device: Annotated[EngineKind, typer.Option(help="For which processor.")] = EngineKind.CPU,
    triton: Annotated[
        str | None, typer.Option(help="HOST:PORT of a Triton in explicit mode, for --device gpu; with --repository.")
    ] = None,
    repository: Annotated[
        Path | None, typer.Option(help="That Triton's model repository as seen from here.", file_okay=False)
    ] = None,
    patients: Annotated[int | None, typer.Option(help="How many, evenly spread; else all.", min=1)] = None,
    rounds: Annotated[int, typer.Option(help="How often each candidate is timed.", min=1)] = 5,
    work: Annotated[Path, typer.Option(help="Where findings are kept, so that a stopped search goes on.")] = Path(
        "build/tune"
    ),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Search, and leave the models as they are.")] = False,
    label_scheme: Annotated[LabelScheme | None, typer.Option(help="Of the labels, where names do not tell.")] = None,
) -> None:
    """Choose engine, precision and instances of the U-Nets by measurement, and serve them so."""
    from export.tune.run import TuneOrder, run_tune

    # As Ctrl-C does it, so that the Triton of a search that is told to stop is stopped too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    order = TuneOrder(
        cases=find_cases(data, label_scheme=label_scheme),
        models=models,
        kind=device,
        triton=triton,
        repository=repository,
        patients=patients,
        rounds=rounds,
        work=work,
        install=not dry_run,
    )
    record = run_tune(order, say=typer.echo)
    typer.echo(record.to_table())


@app.command()
def brain(
    wheel: Annotated[Path, typer.Argument(help="The wheel of deepbet 1.0.2.", exists=True, dir_okay=False)],
    *,
    models: Models = Path("models"),
) -> None:
    """Export the two networks of brain extraction from their authors' package."""
    shown = _parity_head()
    for step in BrainStep:
        released = release_brain(read_source(wheel, step), step, shown=shown, models=models)
        parity = released.parity
        typer.echo(
            f"{released.folder}: mean difference {parity.mean_difference:.2g}, "
            f"flipped {parity.flipped_share:.2g} of brain voxels, DSC at most {parity.dsc_loss:.2g} below 1"
        )


def _parity_exam(case: Path | None) -> ParityExam:
    if case is None:
        phantom = make_phantom(PHANTOM_SEED)
        return ParityExam(phantom.exam, phantom.masks, f"slices of phantom {PHANTOM_SEED}")
    found = find_cases(case)[0]
    return ParityExam(load_exam(found), load_reference(found), f"slices of a patient ({found.naming.value})")


def _parity_map() -> ParityMap:
    phantom = make_phantom(PHANTOM_SEED)
    return ParityMap(BrainMap.of_exam(phantom.exam, phantom.masks), f"slices of the map of phantom {PHANTOM_SEED}")


def _parity_head() -> ParityHead:
    head = with_skull(make_phantom(PHANTOM_SEED).exam.volumes[Modality.T1CE])
    return ParityHead(head, f"the head about phantom {PHANTOM_SEED}")


def _read_text(field: str, file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FactsError(field, "must be a readable text", type(error).__name__) from None


def main() -> None:
    """Run the command line; foreseeable faults are one line on stderr and exit code 1."""
    try:
        app()
    except (ExportError, ImagingError, TrainingError) as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(1) from None
