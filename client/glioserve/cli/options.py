"""Options that several commands have; those of every command that calls a server are the fields of `Server`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from glioserve.channel import DEFAULT_TARGET, TlsConfig
from glioserve.client import Client
from glioserve.terms import EmptyMaskPolicy, Hd95Definition, LabelScheme

Json = Annotated[bool, typer.Option("--json", help="Print a JSON document for programs.")]
CaseFolder = Annotated[
    Path | None,
    typer.Argument(exists=True, file_okay=False, help="Folder with the files of one case, named as in BraTS."),
]
Contrast = Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="NIfTI file, .nii or .nii.gz.")]
Scheme = Annotated[LabelScheme, typer.Option(help="What the values of a label map mean.")]
Hd95 = Annotated[Hd95Definition, typer.Option(help="How HD95 is defined.")]
EmptyMasks = Annotated[EmptyMaskPolicy, typer.Option(help="What a metric is where a mask is empty.")]

_Seconds = Annotated[float, typer.Option(metavar="SECONDS", help="For everything: upload, queue, work and retries.")]
_SecondsOrNone = Annotated[
    float | None, typer.Option(metavar="SECONDS", help="For all of it; as long as it takes if not given.")
]
_Pem = {"exists": True, "dir_okay": False}


@dataclass(frozen=True)
class Server:
    """Where the server is, and how it is called. Each field is an option.

    Args:
        server: `HOST:PORT`, or a gRPC URI.
        plaintext: The caller vouches for the network.
        token_file: Holds the caller's token.
        tls: Use TLS, whatever of the following is given.
        tls_ca: See `TlsConfig.ca_file`.
        tls_cert: See `TlsConfig.client_cert_file`.
        tls_key: See `TlsConfig.client_key_file`.
        tls_server_name: See `TlsConfig.server_name`.
        retries: How often a call is made again when the server is busy or away.
    """

    server: Annotated[
        str, typer.Option(envvar="GLIOSERVE_SERVER", metavar="HOST:PORT", help="Where the server is.")
    ] = DEFAULT_TARGET
    plaintext: Annotated[
        bool, typer.Option("--plaintext", help="Call another machine without TLS on a network you trust.")
    ] = False
    token_file: Annotated[
        Path | None,
        typer.Option(
            envvar="GLIOSERVE_TOKEN_FILE",
            exists=True,
            dir_okay=False,
            help="File with the token that the server asks for; never sent in the clear to another machine.",
        ),
    ] = None
    tls: Annotated[bool, typer.Option("--tls", help="Use TLS with gRPC's own public authorities.")] = False
    tls_ca: Annotated[
        Path | None,
        typer.Option(**_Pem, help="PEM certificates of the authorities to trust; turns TLS on."),
    ] = None
    tls_cert: Annotated[Path | None, typer.Option(**_Pem, help="This client's PEM certificate.")] = None
    tls_key: Annotated[Path | None, typer.Option(**_Pem, help="This client's PEM private key.")] = None
    tls_server_name: Annotated[
        str | None, typer.Option(help="Name in the server's certificate, where it is not the host's.")
    ] = None
    retries: Annotated[int, typer.Option(help="How often to ask again when the server is busy or away.")] = 0

    def client(self) -> Client:
        """A connection to it.

        Raises:
            LocalInputError: The options contradict each other, or would send data in the clear.
        """
        return Client(self.server, tls=self._tls_config(), plaintext=self.plaintext, token_file=self.token_file)

    def _tls_config(self) -> TlsConfig | None:
        """TLS where any of its options is given."""
        if not (self.tls or self.tls_ca or self.tls_cert or self.tls_key or self.tls_server_name):
            return None
        return TlsConfig(self.tls_ca, self.tls_cert, self.tls_key, self.tls_server_name)


def calls_server(
    *, timeout_s: float | None, retried: bool = False
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command the options of `Server`, and `--timeout`, which fill its parameters `server` and `timeout`.

    Args:
        timeout_s: Where `--timeout` is not given; None for as long as it takes.
        retried: Whether the command tries again, so that there is `--retries`.
    """
    names = [each.name for each in fields(Server) if retried or each.name != "retries"]

    def with_options(command: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(command, include_extras=True)
        own = [
            parameter.replace(annotation=hints[name])
            for name, parameter in inspect.signature(command).parameters.items()
            if name not in {"server", "timeout"}
        ]
        options = get_type_hints(Server, include_extras=True)
        defaults = {each.name: each.default for each in fields(Server)}
        added = [_option(name, options[name], defaults[name]) for name in names]
        added.insert(1, _option("timeout", _SecondsOrNone if timeout_s is None else _Seconds, timeout_s))

        @functools.wraps(command)
        def run(**given: Any) -> None:  # noqa: ANN401 - whatever the options hold
            server = Server(**{name: given.pop(name) for name in names})
            command(**given, server=server)

        described: Any = run
        described.__signature__ = inspect.Signature([*own, *added])
        described.__annotations__ = {each.name: each.annotation for each in (*own, *added)}
        return run

    return with_options


def _option(name: str, annotation: object, default: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
