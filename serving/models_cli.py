"""The commands `glioserve-server models`: the model repository, before it is served.

What a command needs alone is imported when it runs, so that help and usage errors come at once.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from serving.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="The model repository, before it is served.")


@app.callback()
def _group() -> None:
    """The model repository, before it is served."""


@app.command()
def verify(
    *,
    models: Annotated[Path | None, typer.Option(help="The model repository.", file_okay=False)] = None,
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="PLACE", help="Folder or URL, e.g. s3://bucket/models, to copy it from first."),
    ] = None,
    digest: Annotated[str | None, typer.Option(help="That the whole must have, as this command prints it.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The outcome for programs.")] = False,
) -> None:
    """Compare every file that Triton would read with its recorded digest. Exit code 1 if one differs."""
    from serving.inference.delivery import deliver
    from serving.inference.verification import verify_repository

    repository = load_settings({"models": models}).models
    if source is not None:
        deliver(source, repository)
    verified = verify_repository(repository, digest=digest)
    if as_json:
        document = {"digest": verified.digest, "networks": dict(verified.networks)}
        typer.echo(json.dumps(document, indent=2))
        return
    for name, version in verified.networks:
        typer.echo(f"{name} version {version}: as it was exported")
    typer.echo(f"digest {verified.digest}")
