"""`glioserve bids`: a data set in the Brain Imaging Data Structure, in the manner of BIDS Apps."""

from __future__ import annotations

import json as json_lines
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from glioserve.bids import Dataset, Derivatives, Outcome, Session, SessionReport, segment_sessions, session_document
from glioserve.cli.faults import FAILED, reported
from glioserve.cli.meter import Meter
from glioserve.cli.options import Server, calls_server
from glioserve.cli.tables import show
from glioserve.exam_files import Case
from glioserve.limits import SEGMENT_TIMEOUT_S
from glioserve.results import SegmentationResult
from glioserve.terms import LabelScheme, Modality
from glioserve.wording import millilitres, seconds


class Level(StrEnum):
    """At which level a BIDS App works."""

    PARTICIPANT = "participant"
    """Each session by itself."""


@calls_server(timeout_s=SEGMENT_TIMEOUT_S, retried=True)
def bids(
    bids_dir: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="The data set that is read.")],
    out_dir: Annotated[
        Path, typer.Argument(file_okay=False, help="The derivatives; made if not there, else gone on with.")
    ],
    level: Annotated[Level, typer.Argument(help="There is one level.")],  # noqa: ARG001 - BIDS Apps are told it
    *,
    participant_label: Annotated[
        list[str] | None,
        typer.Option("--participant-label", "--participant_label", help="A subject, with or without sub-; repeatable."),
    ] = None,
    session_label: Annotated[
        list[str] | None,
        typer.Option("--session-label", "--session_label", help="A session, with or without ses-; repeatable."),
    ] = None,
    label_scheme: Annotated[
        LabelScheme, typer.Option(help="What the values of the label maps mean.")
    ] = LabelScheme.BRATS_2018,
    grid: Annotated[Modality, typer.Option(help="The contrast on whose grid the masks are.")] = Modality.T1CE,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON document per line, one for each session.")] = False,
    server: Server,
    timeout: float,
) -> None:
    """Segment a BIDS data set. Sessions that are finished are skipped; exit code 1 if one could not be done."""
    good = True
    with reported(as_json=json):
        dataset = Dataset.open(bids_dir)
        sessions = dataset.sessions(participant_label or (), session_label or ())
        derivatives = Derivatives.open(out_dir, dataset, label_scheme=label_scheme, output_grid=grid)
        with server.client() as client:

            def segment(session: Session, case: Case) -> SegmentationResult:
                first = f"{session.prefix} ({sessions.index(session) + 1}/{len(sessions)})"
                with Meter(Console(stderr=True), first=first) as meter:
                    return client.segment(
                        case,
                        label_scheme=label_scheme,
                        output_grid=grid,
                        on_progress=meter.on_progress,
                        on_partial=meter.on_partial,
                        timeout_s=timeout,
                        retries=server.retries,
                    )

            for report in segment_sessions(dataset, sessions, derivatives, segment):
                good &= report.good
                if json:
                    typer.echo(json_lines.dumps(session_document(report), ensure_ascii=False, allow_nan=False))
                else:
                    show([_line(report)], Console())
    if not good:
        raise typer.Exit(FAILED)


def _line(report: SessionReport) -> str:
    said = f"{report.session.prefix}: {report.outcome.value}"
    if report.error is not None:
        return f"{said}, {type(report.error).__name__}: {report.error}"
    if report.outcome is Outcome.DONE and report.result is not None:
        volumes = ", ".join(
            f"{each.region.name} {millilitres(each.volume_ml) if each.voxels else 'none found'}"
            for each in report.result.volumes
        )
        return f"{said}, {volumes}; {seconds(report.result.total_s)} on the server"
    return said
