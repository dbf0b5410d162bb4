"""The command line `glioserve-server token`."""

from __future__ import annotations

from typing import Annotated

import typer

from serving.gateway.auth_callers import Caller
from serving.gateway.auth_roles import Role
from serving.gateway.auth_tokens import digest_of, new_token

app = typer.Typer(no_args_is_help=True, help="The tokens that callers prove themselves with.")


@app.callback()
def tokens() -> None:
    """The tokens that callers prove themselves with."""


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Of the caller, a system. It is logged with each call.")],
    role: Annotated[list[Role], typer.Option(help="What it may do; give it several times for several.")],
) -> None:
    """Make a token, and print it this once: for the caller. The line is for the server's file of callers.

    The server keeps nothing by which the token could be told again.
    """
    token = new_token()
    line = Caller(name, frozenset(role), digest_of(token)).line
    typer.echo(f"token {token}")
    typer.echo(f"line  {line}")
