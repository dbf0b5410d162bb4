# ruff: noqa: INP001 - a script beside the documentation, not a module
"""Writes the tables of docs/reference from the code that they describe. `make docs` calls this; a test compares."""

from __future__ import annotations

import importlib
import logging
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import glioserve
import grpc

import imaging
import serving
from imaging.errors import ImagingError
from serving import errors as serving_errors
from serving.gateway.status import status_of
from serving.settings import PREFIX, Settings

REFERENCE = Path(__file__).resolve().parent / "reference"

_SETTINGS = """# Settings

Of `glioserve-server`, by environment variable. Unknown `{prefix}*` variables are refused, and the settings in force are
logged at the start. Command line options win over the environment.

{rows}
"""

_ERRORS = """# Errors

Every error knows `field`, `rule` and `got`, travels with one gRPC status, and arrives as one of the client's types.
Messages hold sizes, types and names of fields; never file names, voxel values or anything of a patient.

## What the server says

The name travels in the trailing metadata (`ErrorDetail.kind`).

{server}

Some of them end `glioserve-server` or a command of training before any call. Anything that nobody foresaw is
`INTERNAL` with an opaque id, by which its traceback is found in the server's log.

## What the client raises

{client}
"""


def render_settings() -> str:
    """The page of settings."""
    rows = ["| variable | default | what |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else f"`{getattr(field.default, 'value', field.default)}`"
        rows.append(f"| `{PREFIX}{name.upper()}` | {default} | {field.description} |")
    return _SETTINGS.format(prefix=PREFIX, rows="\n".join(rows))


def render_errors() -> str:
    """The page of errors."""
    server = [f"| `{kind.__name__}` | `{_code(kind).name}` | {_first_paragraph(kind)} |" for kind in _server_errors()]
    raised = [getattr(glioserve, name) for name in sorted(glioserve.__all__)]
    client = [
        f"| `{kind.__name__}` | `{kind.__bases__[0].__name__}` | {_first_paragraph(kind)} |"
        for kind in raised
        if isinstance(kind, type) and issubclass(kind, Exception)
    ]
    return _ERRORS.format(
        server="\n".join(["| name | gRPC status | when |", "|---|---|---|", *server]),
        client="\n".join(["| type | is a | when |", "|---|---|---|", *client]),
    )


def _server_errors() -> list[type[Exception]]:
    """Every error of the server's packages that is not a mere base of others, input faults first."""
    for package in (imaging, serving):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    kinds = [kind for base in (ImagingError, serving_errors.ServingError) for kind in _derived(base)]
    own = [
        kind
        for kind in kinds
        if kind.__module__.partition(".")[0] in {"imaging", "serving"} and not _first_paragraph(kind).startswith("Base")
    ]
    return sorted(set(own), key=lambda kind: (_code(kind) is not grpc.StatusCode.INVALID_ARGUMENT, kind.__name__))


def _derived(base: type[Exception]) -> list[type[Exception]]:
    return [kind for direct in base.__subclasses__() for kind in (direct, *_derived(direct))]


def _code(kind: type[Exception]) -> grpc.StatusCode:
    """Its status. Only the type decides, so that an instance needs none of its arguments."""
    error = kind.__new__(kind)
    for part in ("field", "rule", "got"):
        setattr(error, part, "")
    error.__dict__.setdefault("retry_after_s", 0.0)
    with _no_log():
        return status_of(error).code


@contextmanager
def _no_log() -> Iterator[None]:
    """`status_of` logs internal faults, of which there are none here."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _first_paragraph(kind: type) -> str:
    text = " ".join((kind.__doc__ or "").split("\n\n")[0].split())
    return text.replace("|", "\\|")


def main() -> None:
    """Write the pages."""
    (REFERENCE / "settings.md").write_text(render_settings(), encoding="utf-8")
    (REFERENCE / "errors.md").write_text(render_errors(), encoding="utf-8")


if __name__ == "__main__":
    main()
