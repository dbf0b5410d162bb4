"""The command line of this package."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from imaging.errors import ImagingError
from imaging.labels import LabelScheme
from imaging.regions import Region
from training.errors import TrainingError
from training.profiles import ProfileName
from training.records import RunFolder
from training.runs import RunRequest
from training.runs import train as run_training

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def _configure() -> None:
    """Train and evaluate glioserve's networks."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")


@app.command()
def train(
    data: Annotated[Path, typer.Argument(help="Folder of BraTS cases, 2018 to 2024.", exists=True, file_okay=False)],
    *,
    run: Annotated[Path, typer.Option(help="Folder of the run; an unfinished one is continued.")],
    profile: Annotated[ProfileName, typer.Option(help="Named settings.")] = ProfileName.BEST,
    region: Annotated[list[Region] | None, typer.Option(help="Only these networks, in this order.")] = None,
    cache: Annotated[Path, typer.Option(help="Folder of the slice cache.")] = Path(".cache/slices"),
    seed: Annotated[int, typer.Option(help="Of the split, the first weights and all other chance.")] = 1,
    threads: Annotated[int | None, typer.Option(help="CPU threads.")] = None,
    label_scheme: Annotated[LabelScheme | None, typer.Option(help="Of the labels, where names do not tell.")] = None,
) -> None:
    """Train the three U-Nets."""
    run_training(
        RunRequest(
            data=data,
            folder=RunFolder(run),
            cache=cache,
            profile=profile,
            regions=tuple(region or Region),
            seed=seed,
            threads=threads,
            label_scheme=label_scheme,
        )
    )


def main() -> None:
    """Run the command line; foreseeable faults are one line on stderr and exit code 1."""
    try:
        app()
    except (ImagingError, TrainingError) as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(1) from None
