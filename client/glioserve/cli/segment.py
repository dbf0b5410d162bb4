"""`glioserve segment`: one exam."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from glioserve.atomic import make_folder
from glioserve.cli.dicom import dicom_source
from glioserve.cli.faults import reported
from glioserve.cli.meter import Meter
from glioserve.cli.options import CaseFolder, Contrast, EmptyMasks, Hd95, Json, Scheme, Server, calls_server
from glioserve.cli.tables import segmentation_parts, show
from glioserve.conventions import MetricConventions
from glioserve.core.plan import resolve_case
from glioserve.documents import segmentation_document, to_json
from glioserve.exam_files import ExamFiles
from glioserve.limits import SEGMENT_TIMEOUT_S
from glioserve.outputs import OutputFolder
from glioserve.results import SegmentationResult
from glioserve.terms import EmptyMaskPolicy, Hd95Definition, LabelScheme, Modality


@calls_server(timeout_s=SEGMENT_TIMEOUT_S, retried=True)
def segment(
    case_dir: CaseFolder = None,
    *,
    t1: Contrast = None,
    t1ce: Contrast = None,
    t2: Contrast = None,
    flair: Contrast = None,
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
    reference_label_scheme: Annotated[
        LabelScheme | None, typer.Option(help="What the values of the reference mean. Never guessed from the values.")
    ] = None,
    label_scheme: Scheme = LabelScheme.BRATS_2018,
    hd95: Hd95 = Hd95Definition.POOLED,
    empty_masks: EmptyMasks = EmptyMaskPolicy.LEGACY,
    grid: Annotated[
        Modality, typer.Option(help="The contrast on whose grid, as sent, the masks come back.")
    ] = Modality.T1CE,
    out: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="Folder for the label map, result.json, report.html and overlay.png."),
    ] = None,
    full_frame: Annotated[
        bool, typer.Option("--full-frame", help="Show the whole frame to every network: far slower, for comparisons.")
    ] = False,
    json: Json = False,
    server: Server,
    timeout: float,
) -> None:
    """Segment one exam: a case folder, four files, or a DICOM study."""
    others = (case_dir, t1, t1ce, t2, flair, reference, reference_label_scheme)
    study = dicom_source(dicom, seg=dicom_seg, series=series, others=others)
    if study is not None:
        with reported(as_json=json):
            if out is not None:
                make_folder(out)  # found out before minutes of work, not after
            chosen = study.chosen(Console(stderr=json))
            with server.client() as client, Meter(Console(stderr=True)) as meter:
                result = chosen.segment(
                    client,
                    meter,
                    out=out,
                    label_scheme=label_scheme,
                    grid=grid,
                    full_frame=full_frame,
                    timeout_s=timeout,
                    retries=server.retries,
                )
            _tell(result, as_json=json)
        return
    exam = _exam(case_dir, t1=t1, t1ce=t1ce, t2=t2, flair=flair)
    with reported(as_json=json), ExitStack() as opened:
        case = resolve_case(exam, reference=reference, reference_label_scheme=reference_label_scheme)
        folder = None if out is None else opened.enter_context(OutputFolder(case, out))
        with server.client() as client, Meter(Console(stderr=True)) as meter:
            result = client.segment(
                case,
                label_scheme=label_scheme,
                conventions=MetricConventions(hd95_definition=hd95, empty_mask_policy=empty_masks),
                output_grid=grid,
                full_frame=full_frame,
                on_progress=meter.on_progress,
                on_partial=meter.on_partial,
                timeout_s=timeout,
                retries=server.retries,
            )
        if folder is not None:
            folder.write_result(result)
        if not json:
            _tell(result, as_json=False)  # before the pictures: who waits, waits for this
        if folder is not None:
            folder.write_pictures(result)
        if json:
            _tell(result, as_json=True)  # after them: there is one document, of the result or of a failure


def _tell(result: SegmentationResult, *, as_json: bool) -> None:
    if as_json:
        typer.echo(to_json(segmentation_document(result, created=datetime.now(UTC))), nl=False)
    else:
        show(segmentation_parts(result), Console())


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
