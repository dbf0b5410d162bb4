"""`glioserve check`: what speaks against an exam, before it is segmented."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from glioserve.channel import DEFAULT_TARGET
from glioserve.cli.faults import FAILED, reported
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
from glioserve.cli.tables import Part, Table, show
from glioserve.client import Client
from glioserve.documents import DISCLAIMER, check_document, to_json
from glioserve.findings import CheckResult, Severity, merged
from glioserve.limits import CHECK_TIMEOUT_S
from glioserve.terms import Modality

_Contrast = Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="NIfTI file, .nii or .nii.gz.")]

_SEVERITY_TITLE = {Severity.REFUSE: "refused", Severity.WARN: "warning"}


def check(
    case_dir: Annotated[
        Path | None,
        typer.Argument(exists=True, file_okay=False, help="Folder with the files of one case, named as in BraTS."),
    ] = None,
    *,
    t1: _Contrast = None,
    t1ce: _Contrast = None,
    t2: _Contrast = None,
    flair: _Contrast = None,
    json: Json = False,
    server: Server = DEFAULT_TARGET,
    timeout: Timeout = CHECK_TIMEOUT_S,
    retries: Retries = 0,
    plaintext: Plaintext = False,
    tls: Tls = False,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    tls_server_name: TlsName = None,
) -> None:
    """Say what speaks against an exam: a case folder, or any of the four files. Exit code 1 if it would be refused."""
    exam = _exam(case_dir, {Modality.T1: t1, Modality.T1CE: t1ce, Modality.T2: t2, Modality.FLAIR: flair})
    with reported(as_json=json):
        tls_config = protection(tls, ca=tls_ca, cert=tls_cert, key=tls_key, server_name=tls_server_name)
        with Client(server, tls=tls_config, plaintext=plaintext) as client:
            result = client.check(exam, timeout_s=timeout, retries=retries)
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
