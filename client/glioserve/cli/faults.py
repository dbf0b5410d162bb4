"""Foreseeable faults as one line on standard error, and as a document where JSON was asked for. Never a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from glioserve.documents import error_document, to_json
from glioserve.errors import (
    AccessDeniedError,
    DeadlineError,
    GlioserveError,
    IncompatibleServerError,
    LocalInputError,
    ServerBusyError,
    ServerUnavailableError,
)

FAILED = 1
"""Exit code when the exam or the server failed."""

_OPTIONS = {
    "reference_label_scheme": "--reference-label-scheme",
    "retries": "--retries",
    "label_scheme": "--label-scheme",
    "seed": "--builtin",
    "edit_seed": "--edit-seed",
    "output_grid": "--grid",
    "out_dir": "OUT_DIR",
    "participant_label": "--participant-label",
    "session_label": "--session-label",
    "target": "--server",
    "shards": "--shards",
    "timeout_s": "--timeout",
    "tls": "--tls-cert, --tls-key",
    "plaintext": "--plaintext",
    "token_file": "--token-file",
}
"""Faults of these fields are faults of the command."""

_HINTS: dict[type[GlioserveError], str] = {
    AccessDeniedError: "Who calls is told by --token-file, or by --tls-cert and --tls-key.",
    DeadlineError: "--timeout allows more time.",
    IncompatibleServerError: "`pip install --upgrade glioserve` may help, or an upgrade of the server.",
    ServerBusyError: "--retries N waits and asks again.",
    ServerUnavailableError: "Is a server running there? --server HOST:PORT or GLIOSERVE_SERVER says where to look, "
    "and --retries N waits for one that is starting.",
}


@contextmanager
def reported(*, as_json: bool) -> Iterator[None]:
    """Ends the command with its exit code when something fails that can be foreseen.

    Args:
        as_json: Standard output gets a document in place of the result.

    Raises:
        typer.BadParameter: An option's value can't be used; exit code 2.
        typer.Exit: The exam or the server failed; exit code 1.
    """
    try:
        yield
    except GlioserveError as error:
        if as_json:
            typer.echo(to_json(error_document(error)), nl=False)
        if isinstance(error, LocalInputError) and error.field in _OPTIONS:
            raise typer.BadParameter(f"{error.rule}, got {error.got}", param_hint=_OPTIONS[error.field]) from None
        typer.echo(f"{type(error).__name__}: {error}", err=True)
        if error.request_id is not None:
            typer.echo(f"The server's log names this call {error.request_id}.", err=True)
        if hint := _HINTS.get(type(error)):
            typer.echo(hint, err=True)
        raise typer.Exit(FAILED) from None
