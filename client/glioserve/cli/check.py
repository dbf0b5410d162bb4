"""`glioserve check`: what speaks against an exam, before it is segmented."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import typer
from rich.console import Console

from glioserve.cli.faults import FAILED, reported
from glioserve.cli.options import CaseFolder, Contrast, Json, Server, calls_server
from glioserve.cli.tables import Part, Table, show
from glioserve.documents import DISCLAIMER, check_document, to_json
from glioserve.findings import CheckResult, Severity, merged
from glioserve.limits import CHECK_TIMEOUT_S
from glioserve.terms import Modality

_SEVERITY_TITLE = {Severity.REFUSE: "refused", Severity.WARN: "warning"}


@calls_server(timeout_s=CHECK_TIMEOUT_S, retried=True)
def check(
    case_dir: CaseFolder = None,
    *,
    t1: Contrast = None,
    t1ce: Contrast = None,
    t2: Contrast = None,
    flair: Contrast = None,
    json: Json = False,
    server: Server,
    timeout: float,
) -> None:
    """Say what speaks against an exam: a case folder, or any of the four files. Exit code 1 if it would be refused."""
    exam = _exam(case_dir, {Modality.T1: t1, Modality.T1CE: t1ce, Modality.T2: t2, Modality.FLAIR: flair})
    with reported(as_json=json), server.client() as client:
        result = client.check(exam, timeout_s=timeout, retries=server.retries)
    if json:
        typer.echo(to_json(check_document(result)), nl=False)
    else:
        show(check_parts(result), Console())
    if result.refused:
        raise typer.Exit(FAILED)


def check_parts(result: CheckResult) -> list[Part]:
    """What `glioserve check` prints."""
    findings = Table(
        ("", "About", "Rule", "What should hold", "What was found"),
        [
            (_SEVERITY_TITLE[each.severity], each.field, each.rule.value, each.must, each.got)
            for each in merged(result.findings)
        ],
    )
    regions = ", ".join(region.name for region in result.possible) or "none"
    needs = [
        f"{work}: {'needed' if needed else 'not needed'}."
        for work, needed in (("Registration", not result.aligned), ("Brain extraction", not result.skull_stripped))
    ]
    return [
        findings if result.findings else "Nothing speaks against the exam.",
        *needs,
        f"Regions that can be found: {regions}.",
        "The exam would be refused." if result.refused else "The exam can be segmented.",
        DISCLAIMER,
    ]


def _exam(case_dir: Path | None, files: Mapping[Modality, Path | None]) -> Path | dict[Modality, Path]:
    given = {modality: path for modality, path in files.items() if path is not None}
    if case_dir is not None and not given:
        return case_dir
    if case_dir is None and given:
        return given
    raise typer.BadParameter(
        "give either a case folder, or files", param_hint="CASE_DIR or any of --t1, --t1ce, --t2, --flair"
    )
