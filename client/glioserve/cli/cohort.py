"""`glioserve cohort`: cohorts that a server makes."""

from __future__ import annotations

import json as json_lines
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from glioserve.cli.cohort_meter import CohortMeter
from glioserve.cli.faults import FAILED, reported
from glioserve.cli.options import Json, Server, calls_server
from glioserve.cli.tables import cohort_parts, cohorts_parts, show
from glioserve.cohort_calls import DEFAULT_LIMIT
from glioserve.cohorts import Cohort, CohortPhase
from glioserve.documents import cohort_document, cohorts_document, to_json
from glioserve.limits import COHORT_TIMEOUT_S

_Id = Annotated[str, typer.Argument(metavar="ID", help="By which the server knows the cohort.")]
_JsonLines = Annotated[bool, typer.Option("--json", help="Print a JSON document per line, one for each change.")]

cohort = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Order synthetic cohorts, and ask after them.")


@cohort.command()
@calls_server(timeout_s=COHORT_TIMEOUT_S, retried=True)
def submit(
    spec: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The cohort's spec, a YAML file.")],
    *,
    cohort_id: Annotated[
        str | None, typer.Option("--id", metavar="NAME", help="Id of the cohort; made from the spec if not given.")
    ] = None,
    shards: Annotated[int | None, typer.Option(min=1, help="Processes that share the work.")] = None,
    output: Annotated[
        str | None, typer.Option(metavar="URL", help="An s3:// URL, where the server lets callers name one.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Then follow it to its end.")] = False,
    json: Json = False,
    server: Server,
    timeout: float,
) -> None:
    """Order a cohort. The same order again is the same cohort, and lets one that was stopped go on."""
    with reported(as_json=json), server.client() as client:
        found = client.cohorts.submit(
            spec, cohort_id=cohort_id, output=output, shards=shards, timeout_s=timeout, retries=server.retries
        )
        if watch:
            _follow(client.cohorts.watch(found.id), as_json=json)
            return
    _show(found, as_json=json)


@cohort.command()
@calls_server(timeout_s=COHORT_TIMEOUT_S)
def get(
    cohort_id: _Id,
    *,
    json: Json = False,
    server: Server,
    timeout: float,
) -> None:
    """Say how far a cohort is."""
    with reported(as_json=json), server.client() as client:
        found = client.cohorts.get(cohort_id, timeout_s=timeout)
    _show(found, as_json=json)


@cohort.command("list")
@calls_server(timeout_s=COHORT_TIMEOUT_S)
def list_(
    *,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = DEFAULT_LIMIT,
    json: Json = False,
    server: Server,
    timeout: float,
) -> None:
    """List the cohorts that the server knows, the newest first."""
    with reported(as_json=json), server.client() as client:
        found = client.cohorts.list(limit=limit, timeout_s=timeout)
    if json:
        typer.echo(to_json(cohorts_document(found)), nl=False)
    else:
        show(cohorts_parts(found), Console())


@cohort.command()
@calls_server(timeout_s=None)
def watch(
    cohort_id: _Id,
    *,
    json: _JsonLines = False,
    server: Server,
    timeout: float | None,
) -> None:
    """Follow a cohort to its end. Exit code 1 if it ends without all of its cases."""
    with reported(as_json=json), server.client() as client:
        _follow(client.cohorts.watch(cohort_id, timeout_s=timeout), as_json=json)


@cohort.command()
@calls_server(timeout_s=COHORT_TIMEOUT_S)
def cancel(
    cohort_id: _Id,
    *,
    json: Json = False,
    server: Server,
    timeout: float,
) -> None:
    """Stop a cohort. What was made stays; the same order lets it go on."""
    with reported(as_json=json), server.client() as client:
        found = client.cohorts.cancel(cohort_id, timeout_s=timeout)
    _show(found, as_json=json)


def _show(found: Cohort, *, as_json: bool) -> None:
    if as_json:
        typer.echo(to_json(cohort_document(found)), nl=False)
    else:
        show(cohort_parts(found), Console())


def _follow(states: Iterable[Cohort], *, as_json: bool) -> None:
    """Shows each state, then the last one.

    Raises:
        typer.Exit: It did not come to its end with all cases.
    """
    last: Cohort | None = None
    with CohortMeter(Console(stderr=True)) as meter:
        for last in states:
            meter.on_state(last)
            if as_json:
                typer.echo(json_lines.dumps(cohort_document(last), ensure_ascii=False))
    if last is None:
        return
    if not as_json:
        show(cohort_parts(last), Console())
    if last.phase is not CohortPhase.COMPLETED:
        raise typer.Exit(FAILED)
