"""The command `glioserve synthesize`, which is `python -m serving.batch` as well.

Exit code 0: all is as it should be. 1: a case can't be made, or a fault; what was made stays. 2: a bad spec, or usage.
143 or 130: told to end, by SIGTERM or SIGINT.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from imaging.errors import ImagingError
from serving.errors import Cause, ServingError
from serving.inference.engine import Engine
from serving.logs import configure_logging
from serving.settings import Settings, SettingsError, load_settings

if TYPE_CHECKING:
    from serving.batch.signals import Stop

_FAILED, _USAGE = 1, 2
_PATIENCE_S = 300.0

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def synthesize(
    spec: Annotated[Path | None, typer.Argument(help="The cohort's spec, YAML.", show_default=False)] = None,
    *,
    out: Annotated[str, typer.Option(help="Folder of the cohort, or a URL such as s3://bucket/prefix.")],
    workers: Annotated[int, typer.Option(help="Processes on this machine.", min=1, max=64)] = 1,
    at_once: Annotated[int, typer.Option(help="Cases in work at one time, per process.", min=1, max=16)] = 2,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="INDEX/COUNT",
            help="Make every COUNT-th case only, from INDEX on. If not given: JOB_COMPLETION_INDEX of JOB_COMPLETIONS, "
            "as an Indexed Job of Kubernetes says.",
        ),
    ] = None,
    engine: Annotated[Engine | None, typer.Option(help="What runs the generator.")] = None,
    triton: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="A Triton that runs; if not given, one is started.")
    ] = None,
    models: Annotated[Path | None, typer.Option(help="The model repository.", file_okay=False)] = None,
    replica_index: Annotated[
        Path | None,
        typer.Option(
            help="Index of the generator's training patients, if it is not in the model repository.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    patience: Annotated[float, typer.Option(help="Seconds to wait for an engine that is away.", min=0)] = _PATIENCE_S,
    check: Annotated[bool, typer.Option("--check", help="Compare checksums, make nothing.")] = False,
    mend: Annotated[bool, typer.Option("--mend", help="Compare checksums, make damaged cases again.")] = False,
    again: Annotated[
        Path | None,
        typer.Option(help="Make one case again from its provenance; compare checksums.", exists=True, dir_okay=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The outcome for programs.")] = False,
) -> None:
    """Make a cohort of labelled synthetic exams; go on where it stopped. Research software, not a medical device."""
    if sum([check, mend, again is not None]) > 1:
        raise typer.BadParameter("give one of --check, --mend and --again")
    with _reported(as_json=as_json):
        from serving.batch import commands
        from serving.batch.order import Existing
        from serving.batch.shards import Shard
        from serving.batch.signals import stopped_by_signals

        share = Shard.of_environment(os.environ) if shard is None else Shard.parse(shard)
        drawing = commands.Drawing(_settings(engine=engine, triton=triton, models=models), replica_index, patience)
        with stopped_by_signals() as stop, _ended_by(stop):
            if check:
                outcome = commands.check_cohort(spec, out, share)
            elif again is not None:
                outcome = commands.repeat_case(again, spec, out, drawing, stop=stop)
            elif spec is None:
                raise typer.BadParameter("give the spec of the cohort", param_hint="SPEC")
            else:
                outcome = commands.make_cohort(
                    spec,
                    out,
                    drawing,
                    shard=share,
                    workers=workers,
                    at_once=at_once,
                    existing=Existing.MEND if mend else Existing.KEEP,
                    stop=stop,
                )
        typer.echo(json.dumps(outcome.document, indent=2) if as_json else "\n".join(outcome.lines))
        if not outcome.ok:
            raise typer.Exit(_FAILED)


@contextmanager
def _ended_by(stop: Stop) -> Iterator[None]:
    """Turns being told to end into the exit code that says so."""
    from serving.batch.patience import StoppedError

    try:
        yield
    except StoppedError:
        typer.echo("stopped; the same command goes on from here", err=True)
        raise typer.Exit(stop.exit_code) from None


@contextmanager
def _reported(*, as_json: bool) -> Iterator[None]:
    """Ends the command with its exit code when something fails that can be foreseen."""
    try:
        yield
    except (ServingError, ImagingError) as error:
        usage = isinstance(error, SettingsError) or (isinstance(error, ServingError) and error.cause is Cause.INVALID)
        _fail(str(error), type(error).__name__, _USAGE if usage else _FAILED, as_json=as_json)
    except OSError as error:
        message = f"{error.filename or 'system'}: {error.strerror or type(error).__name__}"
        _fail(message, type(error).__name__, _FAILED, as_json=as_json)


def _fail(message: str, kind: str, code: int, *, as_json: bool) -> NoReturn:
    if as_json:
        typer.echo(json.dumps({"error": {"kind": kind, "message": message}}, indent=2))
    typer.echo("\n".join(f"error: {line}" for line in message.splitlines()), err=True)
    raise typer.Exit(code)


def _settings(**options: Any) -> Settings:  # noqa: ANN401 (as different as settings are)
    settings = load_settings(options)
    # On a terminal the bar tells what happens; log lines would tear it.
    configure_logging("WARNING" if sys.stderr.isatty() and settings.log_level == "INFO" else settings.log_level)
    return settings


def main() -> None:
    """Run the command line."""
    app(prog_name="glioserve synthesize")
