"""The command `glioserve maps`: libraries of brain maps, from which cohorts are made.

What a command needs alone is imported when it runs, so that help and usage errors come at once.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imaging.errors import ImagingError
from imaging.labels import LabelScheme

if TYPE_CHECKING:
    from imaging.brainmap.library import MapLibrary

_FAILED = 1

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Make and list libraries of brain maps, from which synthetic cohorts are made.",
)


@app.command()
def build(
    data: Annotated[Path, typer.Argument(help="Folder of labelled BraTS cases.", exists=True, file_okay=False)],
    *,
    out: Annotated[Path, typer.Option(help="Folder of the library, made if need be.", file_okay=False)],
    label_scheme: Annotated[LabelScheme | None, typer.Option(help="Of the labels, where names do not tell.")] = None,
) -> None:
    """Make a library from labelled exams, 1 mm and skull-stripped. A build that was stopped goes on.

    A library names no patient, but its maps are patients' anatomy: it is as confidential as the exams.
    """
    from imaging.brainmap.library_build import build_library
    from imaging.brats import find_cases

    with _reported():
        cases = find_cases(data, label_scheme=label_scheme)
        with typer.progressbar(length=len(cases), label="exams", file=sys.stderr) as bar:
            library = build_library(cases, out, on_case=lambda _: bar.update(1))
    typer.echo(_sentence(library))


@app.command(name="list")
def list_maps(
    library: Annotated[Path, typer.Argument(help="Folder of a library.", exists=True, file_okay=False)],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON document for programs.")] = False,
) -> None:
    """List the maps of a library: how large the tumours are, where, and how they take up contrast agent."""
    from imaging.brainmap.library import MapLibrary

    with _reported():
        opened = MapLibrary.open(library)
    if as_json:
        document = {"digest": opened.digest, "maps": [asdict(entry) for entry in opened.entries]}
        typer.echo(json.dumps(document, indent=2))
        return
    typer.echo(f"{'map':12}  {'uptake':7}  {'side':5}  {'WT ml':>7}  {'TC ml':>7}  {'ET ml':>7}")
    for entry in opened.entries:
        volumes = "  ".join(f"{volume:7.1f}" for volume in (entry.wt_ml, entry.tc_ml, entry.et_ml))
        typer.echo(f"{entry.digest[:12]}  {entry.enhancement.value:7}  {entry.side.value:5}  {volumes}")
    typer.echo(_sentence(opened))


def _sentence(library: MapLibrary) -> str:
    count = len(library.entries)
    return f"{count} {'map' if count == 1 else 'maps'}, library {library.digest[:12]}"


@contextmanager
def _reported() -> Iterator[None]:
    """Ends the command with one line and an exit code when something fails that can be foreseen."""
    try:
        yield
    except ImagingError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename or 'system'}: {error.strerror or type(error).__name__}")


def _fail(message: str) -> None:
    typer.echo(f"error: {' '.join(message.split())}", err=True)
    raise typer.Exit(_FAILED)
