"""The options that every command has which calls a server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from glioserve.channel import TlsConfig

Json = Annotated[bool, typer.Option("--json", help="Print a JSON document for programs.")]
Server = Annotated[str, typer.Option(envvar="GLIOSERVE_SERVER", metavar="HOST:PORT", help="Where the server is.")]
Timeout = Annotated[float, typer.Option(metavar="SECONDS", help="For everything: upload, queue, work and retries.")]
Retries = Annotated[int, typer.Option(help="How often to ask again when the server is busy and says when to.")]
Plaintext = Annotated[
    bool, typer.Option("--plaintext", help="Call another machine without TLS on a network you trust.")
]
Tls = Annotated[bool, typer.Option("--tls", help="Use TLS with gRPC's own public authorities.")]
TlsCa = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, help="PEM certificates of the authorities to trust; turns TLS on."),
]
TlsCert = Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="This client's PEM certificate.")]
TlsKey = Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="This client's PEM private key.")]
TlsName = Annotated[str | None, typer.Option(help="Name in the server's certificate, where it is not the host's.")]


def protection(
    wanted: bool,  # noqa: FBT001 - the option itself
    *,
    ca: Path | None,
    cert: Path | None,
    key: Path | None,
    server_name: str | None,
) -> TlsConfig | None:
    """TLS where any of its options is given."""
    if not (wanted or ca or cert or key or server_name):
        return None
    return TlsConfig(ca_file=ca, client_cert_file=cert, client_key_file=key, server_name=server_name)
