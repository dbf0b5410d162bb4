"""Commands about the experiments beside `tables` itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imaging.phantom.phantom import make_phantom
from imaging.phantom.write import write_phantom
from training.errors import TrainingError
from training.experiments.plan import ExperimentFolder
from training.experiments.profiles import ExperimentName
from training.reader_study import load_answers, load_key, render_table_two, score_answers

PHANTOMS = 6
"""One of them validates, and four of the rest are enough for quarters."""
PHANTOM_SEEDS = range(101, 101 + PHANTOMS)

study_app = typer.Typer(no_args_is_help=True, help="The blinded reader study of Table Two.")


@study_app.callback()
def _group() -> None:
    """The blinded reader study of Table Two."""


@study_app.command()
def score(
    key: Annotated[Path, typer.Argument(help="key.json of the kit.", exists=True, dir_okay=False)],
    answers: Annotated[list[Path], typer.Argument(help="What readers saved.", exists=True, dir_okay=False)],
) -> None:
    """Print Table Two of saved answers."""
    typer.echo(render_table_two(score_answers(load_key(key), [load_answers(path) for path in answers])))


def data_of_tables(folder: ExperimentFolder, name: ExperimentName) -> Path:
    """Phantoms to try the experiments on, for those who name no data.

    Raises:
        TrainingError: The profile is not `smoke`: tables of phantoms would say nothing of patients.
    """
    if name is not ExperimentName.SMOKE:
        raise TrainingError("data", f"must be named for the profile {name.value}", "none; only smoke runs on phantoms")
    phantoms = folder.path / "phantoms"
    for seed in PHANTOM_SEEDS:
        if not list(phantoms.glob(f"*{seed:04d}/*_seg.nii.gz")):
            write_phantom(make_phantom(seed), phantoms)
    return phantoms
