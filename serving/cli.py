"""The command line `glioserve-server`. Foreseeable faults are one line on standard error and exit code 1.

What a command needs alone is imported when it runs, so that help and usage errors come at once.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from imaging.errors import ImagingError
from imaging.labels import LabelScheme
from serving.doctor import diagnose, to_json, to_table
from serving.errors import ServingError, TritonStartError
from serving.inference.engine import Engine
from serving.logs import configure_logging
from serving.models_cli import app as models_app
from serving.settings import Settings, load_settings
from serving.token_cli import app as token_app
from serving.triton.cli import triton
from serving.triton.runtime import build_runtime, default_root
from serving.version import SERVER_VERSION

_Engine = Annotated[Engine | None, typer.Option(help="What runs the networks.")]
_Models = Annotated[Path | None, typer.Option(help="The model repository.", file_okay=False)]
_Host = Annotated[str | None, typer.Option(help="Address to listen on.")]
_Port = Annotated[int | None, typer.Option(help="Port of the gateway; 0 takes a free one.", min=0, max=65535)]
_MetricsPort = Annotated[int | None, typer.Option(help="Port of the metrics; 0 takes a free one.", min=0, max=65535)]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Serve glioma segmentation: a gRPC gateway in front of NVIDIA Triton. Research software, not a medical "
    "device. Everything can also be set by the environment, GLIOSERVE_*; options win.",
)
runtime = typer.Typer(no_args_is_help=True, help="The environment that Triton runs in.")
app.add_typer(runtime, name="runtime")
app.add_typer(models_app, name="models")
app.add_typer(token_app, name="token")
app.command()(triton)


@app.command()
def up(
    *,
    engine: _Engine = None,
    models: _Models = None,
    host: _Host = None,
    port: _Port = None,
    metrics_port: _MetricsPort = None,
) -> None:
    """Start Triton and the gateway, and serve until SIGTERM or Ctrl-C."""
    from serving.serve import serve

    settings = _settings(engine=engine, models=models, host=host, port=port, metrics_port=metrics_port)
    for line in settings.lines():
        typer.echo(line)
    serve(settings, on_ready=lambda gateway, metrics: typer.echo(f"ready on {gateway}, metrics on {metrics}"))


@app.command()
def doctor(
    *,
    json: Annotated[bool, typer.Option("--json", help="Findings for programs.")] = False,
    models: _Models = None,
) -> None:
    """Say what this machine lacks for serving, and how to mend it. Exit code 1 if it lacks something."""
    settings = _settings(models=models)
    findings = diagnose(
        settings.models,
        runtime_root=settings.triton_runtime,
        endpoints={
            "gateway": (settings.host, settings.port),
            "metrics": (settings.metrics_host, settings.metrics_port),
            "health": (settings.host, settings.health_port or 0),
        },
    )
    typer.echo(to_json(findings) if json else to_table(findings))
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


@app.command()
def demo(
    *,
    out: Annotated[Path, typer.Option(help="Folder of the results.", file_okay=False)] = Path("out"),
    case: Annotated[
        Path | None,
        typer.Option(help="Folder of a BraTS case; a synthetic patient if not given.", exists=True, file_okay=False),
    ] = None,
    engine: _Engine = None,
    models: _Models = None,
) -> None:
    """Start everything on free ports, segment one exam with the client `glioserve`, stop everything.

    Without a case, the server first draws a synthetic patient.
    """
    from serving.demo import run_demo

    settings = _settings(engine=engine, models=models, host="127.0.0.1", port=0, metrics_port=0)
    asyncio.run(run_demo(settings, out=out, case=case, say=typer.echo))


@app.command()
def evaluate(
    *,
    data: Annotated[Path, typer.Option(help="Folder of BraTS cases, 2018 to 2024.", exists=True, file_okay=False)],
    engine: _Engine = None,
    models: _Models = None,
    patients: Annotated[
        Path | None,
        typer.Option(
            help="File of patient ids, one a line; if not given, the models' validation patients.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    everyone: Annotated[bool, typer.Option("--all", help="Score all patients found.")] = False,
    label_scheme: Annotated[LabelScheme | None, typer.Option(help="Of the labels, where names do not tell.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where the scores go, as JSON.", dir_okay=False)] = None,
    against: Annotated[
        Path | None,
        typer.Option(help="Scores of another engine: exit code 1 if a DSC differs.", exists=True, dir_okay=False),
    ] = None,
) -> None:
    """Score the models on patients that they never learned from."""
    from imaging.brats import find_cases
    from imaging.metrics.markdown import render_markdown
    from serving.evaluation import (
        agrees,
        cases_of,
        compare_with,
        listed_patients,
        render_differences,
        score,
        validation_patients,
    )

    if everyone and patients is not None:
        raise typer.BadParameter("give --patients or --all, not both")
    settings = _settings(engine=engine, models=models)
    cases = find_cases(data, label_scheme=label_scheme)
    if not everyone:
        wanted = listed_patients(patients) if patients else validation_patients(settings.models)
        cases = cases_of(cases, wanted)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)  # found out before minutes of work, not after
    with typer.progressbar(length=len(cases), label="patients", file=sys.stderr) as bar:
        scores = score(settings, cases, on_case=lambda _: bar.update(1))
    if out is not None:
        out.write_text(scores.to_json(), encoding="utf-8")
    typer.echo(render_markdown(scores.summary()))
    if against is not None:
        differences = compare_with(scores, against)
        typer.echo(render_differences(differences))
        if not agrees(differences):
            raise typer.Exit(1)


@app.command()
def dicom(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port of the node; 0 takes a free one.", min=0, max=65535)] = None,
    folder: Annotated[Path | None, typer.Option(help="Folder of the queue.", file_okay=False)] = None,
    server: Annotated[str | None, typer.Option(help="HOST:PORT of the gateway.")] = None,
    metrics_port: _MetricsPort = None,
    retry: Annotated[bool, typer.Option("--retry", help="Try studies again that were set aside.")] = False,
) -> None:
    """Run a DICOM node until SIGTERM or Ctrl-C: studies in, segmentations out, through a gateway that runs already.

    Where segmentations go, and all else, is set by the environment, GLIOSERVE_DICOM_*.
    """
    from serving.dicom.serve import serve
    from serving.dicom.settings import load_dicom_settings

    options = {"host": host, "port": port, "folder": folder, "server": server, "metrics_port": metrics_port}
    settings = load_dicom_settings(options)
    configure_logging(settings.log_level)
    for line in settings.lines():
        typer.echo(line)
    serve(settings, retry=retry, on_ready=lambda node, metrics: typer.echo(f"ready on {node}, metrics on {metrics}"))


@app.command()
def version() -> None:
    """Print the version of this server."""
    typer.echo(SERVER_VERSION)


@runtime.command()
def build() -> None:
    """Build the environment that Triton runs in, unless it is complete: a download of about 300 MB."""
    root = _settings().triton_runtime or default_root()
    typer.echo(f"building Triton's environment, unless it is complete: {root}")
    built = build_runtime(root)
    typer.echo(f"complete, Python {built.python_version}")


def main() -> None:
    """Run the command line."""
    try:
        app(prog_name="glioserve-server")
    except (ServingError, ImagingError) as error:
        _fail(_line(error))
    except OSError as error:  # a folder that can't be written, a full disk
        _fail(f"{error.filename or 'system'}: {error.strerror or type(error).__name__}")


def _settings(**options: Any) -> Settings:  # noqa: ANN401 (as different as settings are)
    settings = load_settings(options)
    configure_logging(settings.log_level, settings.log_format)
    return settings


def _line(error: ServingError | ImagingError) -> str:
    if isinstance(error, TritonStartError) and error.log_tail:
        return f"{ServingError.__str__(error)}; its log ends: {error.log_tail.splitlines()[-1]}"
    return str(error)


def _fail(message: str) -> None:
    sys.stderr.write(f"error: {' '.join(message.split())}\n")
    raise SystemExit(1)
