"""The command line of this package."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from export.errors import ExportError
from export.release import ParityExam, release
from export.scores import load_scores
from imaging.brats import find_cases, load_exam, load_reference
from imaging.errors import ImagingError
from imaging.phantom.phantom import make_phantom
from imaging.regions import Region
from training.checkpoint import load_trained
from training.errors import TrainingError
from training.plan import load_plan
from training.records import RunFolder

PHANTOM_SEED = 3

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="Folder of a training run.", exists=True, file_okay=False)],
    *,
    models: Annotated[Path, typer.Option(help="The model repository.")] = Path("models"),
    region: Annotated[list[Region] | None, typer.Option(help="Only these networks.")] = None,
    scores: Annotated[
        Path | None, typer.Option(help="Scores for the model cards, by default scores.json in the run if it is there.")
    ] = None,
    case: Annotated[
        Path | None, typer.Option(help="BraTS folder with a reference to compare by; by default a phantom.")
    ] = None,
) -> None:
    """Export trained networks into a verified Triton model repository."""
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


def _parity_exam(case: Path | None) -> ParityExam:
    if case is None:
        phantom = make_phantom(PHANTOM_SEED)
        return ParityExam(phantom.exam, phantom.masks, f"slices of phantom {PHANTOM_SEED}")
    found = find_cases(case)[0]
    return ParityExam(load_exam(found), load_reference(found), f"slices of a patient ({found.naming.value})")


def main() -> None:
    """Run the command line; foreseeable faults are one line on stderr and exit code 1."""
    try:
        app()
    except (ExportError, ImagingError, TrainingError) as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(1) from None
