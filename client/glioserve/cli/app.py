"""The commands and their options."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from glioserve.cli.bids import bids
from glioserve.cli.check import check
from glioserve.cli.cohort import cohort
from glioserve.cli.faults import reported
from glioserve.cli.generate import generate
from glioserve.cli.options import EmptyMasks, Hd95, Json, Scheme, Server, calls_server
from glioserve.cli.plugins import PluginGroup
from glioserve.cli.segment import segment
from glioserve.cli.tables import evaluation_parts, info_parts, show
from glioserve.cli.telemetry import exported
from glioserve.conventions import MetricConventions
from glioserve.documents import DISCLAIMER, evaluation_document, info_document, to_json
from glioserve.limits import EVALUATE_TIMEOUT_S, QUERY_TIMEOUT_S
from glioserve.terms import EmptyMaskPolicy, Hd95Definition, LabelScheme
from glioserve.version import __version__

app = typer.Typer(
    cls=PluginGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help=f"Segment glioma MRI, and draw synthetic exams, on a glioserve server. {DISCLAIMER}",
)


@app.callback()
def _root(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=lambda value: _print_version(wanted=value), help="Print the version."
        ),
    ] = False,
) -> None:
    del version  # its callback has done the work


@calls_server(timeout_s=EVALUATE_TIMEOUT_S)
def evaluate(
    prediction: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Label map to be judged.")],
    reference: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Expert labels on the same grid.")],
    *,
    label_scheme: Scheme,
    reference_label_scheme: Annotated[
        LabelScheme | None, typer.Option(help="What the values of the reference mean, where that differs.")
    ] = None,
    hd95: Hd95 = Hd95Definition.POOLED,
    empty_masks: EmptyMasks = EmptyMaskPolicy.LEGACY,
    json: Json = False,
    server: Server,
    timeout: float,
) -> None:
    """Score a label map against another."""
    with reported(as_json=json), server.client() as client:
        result = client.evaluate(
            prediction,
            reference,
            label_scheme=label_scheme,
            reference_label_scheme=reference_label_scheme,
            conventions=MetricConventions(hd95_definition=hd95, empty_mask_policy=empty_masks),
            timeout_s=timeout,
        )
    if json:
        typer.echo(to_json(evaluation_document(result)), nl=False)
    else:
        show(evaluation_parts(result), Console())


@calls_server(timeout_s=QUERY_TIMEOUT_S)
def info(
    *,
    json: Json = False,
    server: Server,
    timeout: float,
) -> None:
    """Say what the server is, serves and allows."""
    with reported(as_json=json), server.client() as client:
        found = client.info(timeout_s=timeout)
        health = client.health(timeout_s=timeout)
    if json:
        typer.echo(to_json(info_document(found, health)), nl=False)
    else:
        show(info_parts(found, health), Console())


app.command()(segment)
app.command()(evaluate)
app.command()(info)
app.command()(generate)
app.command()(bids)
app.command()(check)
app.add_typer(cohort, name="cohort")


def main() -> None:
    """The entry point `glioserve`."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a server's text may not exist in the terminal's encoding
    with exported():
        app()


def _print_version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"glioserve {__version__}")
        raise typer.Exit
