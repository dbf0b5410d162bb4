"""The commands and their options."""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from glioserve.atomic import make_folder
from glioserve.channel import DEFAULT_TARGET
from glioserve.cli.bids import bids
from glioserve.cli.check import check
from glioserve.cli.cohort import cohort
from glioserve.cli.dicom import ChosenStudy, DicomSource, dicom_source
from glioserve.cli.faults import reported
from glioserve.cli.generate import generate
from glioserve.cli.meter import Meter
from glioserve.cli.options import (
    Json,
    Plaintext,
    Retries,
    Server,
    Timeout,
    Tls,
    TlsCa,
    TlsCert,
    TlsKey,
    TlsName,
    protection,
)
from glioserve.cli.plugins import PluginGroup
from glioserve.cli.tables import evaluation_parts, info_parts, segmentation_parts, show
from glioserve.client import Client
from glioserve.conventions import MetricConventions
from glioserve.core.plan import resolve_case
from glioserve.documents import DISCLAIMER, evaluation_document, info_document, segmentation_document, to_json
from glioserve.exam_files import Case, ExamFiles
from glioserve.limits import EVALUATE_TIMEOUT_S, QUERY_TIMEOUT_S, SEGMENT_TIMEOUT_S
from glioserve.outputs import write_outputs
from glioserve.terms import EmptyMaskPolicy, Hd95Definition, LabelScheme, Modality
from glioserve.version import __version__

_File = typer.Option(exists=True, dir_okay=False, help="NIfTI file, .nii or .nii.gz.")
_Contrast = Annotated[Path | None, _File]
_Scheme = Annotated[LabelScheme, typer.Option(help="What the values of a label map mean.")]
_ReferenceScheme = Annotated[
    LabelScheme | None, typer.Option(help="What the values of the reference mean. Never guessed from the values.")
]
_Hd95 = Annotated[Hd95Definition, typer.Option(help="How HD95 is defined.")]
_EmptyMasks = Annotated[EmptyMaskPolicy, typer.Option(help="What a metric is where a mask is empty.")]
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


@app.command()
def segment(
    case_dir: Annotated[
        Path | None,
        typer.Argument(exists=True, file_okay=False, help="Folder with the files of one case, named as in BraTS."),
    ] = None,
    *,
    t1: _Contrast = None,
    t1ce: _Contrast = None,
    t2: _Contrast = None,
    flair: _Contrast = None,
    dicom: Annotated[
        Path | None, typer.Option(exists=True, help="DICOM study: a folder of any depth, or a zip archive.")
    ] = None,
    dicom_seg: Annotated[Path | None, typer.Option(dir_okay=False, help="DICOM segmentation to write.")] = None,
    series: Annotated[
        list[str] | None,
        typer.Option(metavar="CONTRAST=NUMBER", help="Series of the study to use for a contrast; repeatable."),
    ] = None,
    reference: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Expert labels to score against.")
    ] = None,
    reference_label_scheme: _ReferenceScheme = None,
    label_scheme: _Scheme = LabelScheme.BRATS_2018,
    hd95: _Hd95 = Hd95Definition.POOLED,
    empty_masks: _EmptyMasks = EmptyMaskPolicy.LEGACY,
    grid: Annotated[
        Modality, typer.Option(help="The contrast on whose grid, as sent, the masks come back.")
    ] = Modality.T1CE,
    out: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="Folder for the label map, result.json, report.html and overlay.png."),
    ] = None,
    json: Json = False,
    server: Server = DEFAULT_TARGET,
    timeout: Timeout = SEGMENT_TIMEOUT_S,
    retries: Retries = 0,
    plaintext: Plaintext = False,
    tls: Tls = False,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    tls_server_name: TlsName = None,
) -> None:
    """Segment one exam: a case folder, four files, or a DICOM study."""
    others = (case_dir, t1, t1ce, t2, flair, reference, reference_label_scheme)
    study = dicom_source(dicom, seg=dicom_seg, series=series, others=others)
    exam = study or _exam(case_dir, t1=t1, t1ce=t1ce, t2=t2, flair=flair)
    with reported(as_json=json):
        if out is not None:
            make_folder(out)  # found out before minutes of work, not after
        if isinstance(exam, DicomSource):
            case: Case | ChosenStudy = exam.chosen(Console(stderr=json))
        else:
            case = resolve_case(exam, reference=reference, reference_label_scheme=reference_label_scheme)
        tls_config = protection(tls, ca=tls_ca, cert=tls_cert, key=tls_key, server_name=tls_server_name)
        with Client(server, tls=tls_config, plaintext=plaintext) as client, Meter(Console(stderr=True)) as meter:
            if isinstance(case, ChosenStudy):
                result = case.segment(
                    client,
                    meter,
                    out=out,
                    label_scheme=label_scheme,
                    grid=grid,
                    timeout_s=timeout,
                    retries=retries,
                )
            else:
                result = client.segment(
                    case,
                    label_scheme=label_scheme,
                    conventions=MetricConventions(hd95_definition=hd95, empty_mask_policy=empty_masks),
                    output_grid=grid,
                    on_progress=meter.on_progress,
                    on_partial=meter.on_partial,
                    timeout_s=timeout,
                    retries=retries,
                )
        if out is not None and isinstance(case, Case):
            write_outputs(result, case, out)
    if json:
        typer.echo(to_json(segmentation_document(result, created=datetime.now(UTC))), nl=False)
    else:
        show(segmentation_parts(result), Console())


@app.command()
def evaluate(
    prediction: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Label map to be judged.")],
    reference: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Expert labels on the same grid.")],
    *,
    label_scheme: _Scheme,
    reference_label_scheme: Annotated[
        LabelScheme | None, typer.Option(help="What the values of the reference mean, where that differs.")
    ] = None,
    hd95: _Hd95 = Hd95Definition.POOLED,
    empty_masks: _EmptyMasks = EmptyMaskPolicy.LEGACY,
    json: Json = False,
    server: Server = DEFAULT_TARGET,
    timeout: Timeout = EVALUATE_TIMEOUT_S,
    plaintext: Plaintext = False,
    tls: Tls = False,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    tls_server_name: TlsName = None,
) -> None:
    """Score a label map against another."""
    with reported(as_json=json):
        tls_config = protection(tls, ca=tls_ca, cert=tls_cert, key=tls_key, server_name=tls_server_name)
        with Client(server, tls=tls_config, plaintext=plaintext) as client:
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


@app.command()
def info(
    *,
    json: Json = False,
    server: Server = DEFAULT_TARGET,
    timeout: Timeout = QUERY_TIMEOUT_S,
    plaintext: Plaintext = False,
    tls: Tls = False,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    tls_server_name: TlsName = None,
) -> None:
    """Say what the server is, serves and allows."""
    with reported(as_json=json):
        tls_config = protection(tls, ca=tls_ca, cert=tls_cert, key=tls_key, server_name=tls_server_name)
        with Client(server, tls=tls_config, plaintext=plaintext) as client:
            found = client.info(timeout_s=timeout)
            health = client.health(timeout_s=timeout)
    if json:
        typer.echo(to_json(info_document(found, health)), nl=False)
    else:
        show(info_parts(found, health), Console())


app.command()(generate)
app.command()(bids)
app.command()(check)
app.add_typer(cohort, name="cohort")


def main() -> None:
    """The entry point `glioserve`."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a server's text may not exist in the terminal's encoding
    app()


def _exam(
    case_dir: Path | None, *, t1: Path | None, t1ce: Path | None, t2: Path | None, flair: Path | None
) -> ExamFiles | Path:
    given = [path for path in (t1, t1ce, t2, flair) if path is not None]
    if case_dir is not None and not given:
        return case_dir
    if case_dir is None and t1 is not None and t1ce is not None and t2 is not None and flair is not None:
        return ExamFiles(t1=t1, t1ce=t1ce, t2=t2, flair=flair)
    raise typer.BadParameter(
        "give either a case folder, or all four files", param_hint="CASE_DIR or --t1, --t1ce, --t2, --flair"
    )


def _print_version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"glioserve {__version__}")
        raise typer.Exit
