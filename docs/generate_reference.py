# ruff: noqa: INP001 - a script beside the documentation, not a module
"""Writes the tables of docs/reference from the code that they describe. `make docs` calls this; a test compares."""

from __future__ import annotations

import importlib
import json
import logging
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import glioserve
import grpc
from pydantic import BaseModel
from pydantic.fields import FieldInfo

import imaging
import serving
from imaging.brainmap.builtin import BUILTIN_VOLUME_RANGE_ML
from imaging.errors import ImagingError
from serving import errors as serving_errors
from serving.batch.plan import MAX_ATTEMPTS, VOLUME_TOLERANCE
from serving.batch.spec import BuiltinEntry, CohortSpec, EnhancementMix, LesionSpec, LibraryEntry, ReplicaSpec
from serving.batch.spec.fields import Rule, Within
from serving.batch.spec.load import MAX_BYTES
from serving.dicom.settings import DicomSettings
from serving.gateway.status import status_of
from serving.settings import NODE_PREFIX, PREFIX, Settings

REFERENCE = Path(__file__).resolve().parent / "reference"

_SETTINGS = """# Settings

Of `glioserve-server`, by environment variable. Unknown `{prefix}*` variables are refused, and the settings in force are
logged at the start. Command line options win over the environment.

{rows}

## The DICOM node

Of [`glioserve-server dicom`](../how-to/dicom-node.md), likewise.

{node_rows}
"""

_SPEC = """# The spec of a cohort

What `glioserve synthesize` and `glioserve cohort submit` read: YAML, UTF-8, at most {max_kib} KiB, one document without
aliases, anchors and tags. [`docs/examples/cohort.yaml`](../examples/cohort.yaml) is a whole one. Unknown keys are
refused. All faults are told at once, one per line, each with its place:
`cohort.yaml:12:3: lesion.volume_ml: must be ..., got ...`.

## The cohort

{cohort}

Case i follows from the spec, the generator and i alone. What is wanted of it (source, kind, volume, side) is drawn
first; then up to {attempts} maps and edits are tried until one gives it, the volume to within {tolerance:.0%} of the
one drawn. A case for which none does is reported and left out; the others are not touched by it.

A spec's digest, which each case's provenance names, holds all that cases follow from. `name`, `cases`, `layout`,
`modalities` and `replicas` are not in it, and a library is in it by what it holds, wherever it lies.

## sources

A list. With `kind: builtin`: {builtin_doc}

{builtin}

These tumours can have {grown} ml; with such a source, `lesion.volume_ml` must stay inside.

With `kind: library`: {library_doc}

{library}

A library must hold maps of every kind of enhancement that has a share, of volumes that edits can scale to all of
`lesion.volume_ml`.

## lesion

{lesion_doc}

{lesion}

## lesion.enhancement

{mix_doc}

{mix}

## replicas

{replicas_doc}

{replicas}
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
    rows, node_rows = _setting_table(PREFIX, Settings), _setting_table(NODE_PREFIX, DicomSettings)
    return _SETTINGS.format(prefix=PREFIX, rows=rows, node_rows=node_rows)


def render_cohort_spec() -> str:
    """The page of a cohort's spec."""
    parts: dict[str, type[BaseModel]] = {
        "cohort": CohortSpec,
        "builtin": BuiltinEntry,
        "library": LibraryEntry,
        "lesion": LesionSpec,
        "mix": EnhancementMix,
        "replicas": ReplicaSpec,
    }
    tables = {name: _field_table(model) for name, model in parts.items()}
    docs = {f"{name}_doc": _first_paragraph(model) for name, model in parts.items()}
    return _SPEC.format(
        max_kib=MAX_BYTES // 1024,
        attempts=MAX_ATTEMPTS,
        tolerance=VOLUME_TOLERANCE,
        grown="{:g} to {:g}".format(*BUILTIN_VOLUME_RANGE_ML),
        **tables,
        **docs,
    )


def _setting_table(prefix: str, model: type[BaseModel]) -> str:
    rows = ["| variable | default | what |", "|---|---|---|"]
    for name, field in model.model_fields.items():
        default = getattr(field.default, "value", field.default)
        shown = "" if field.is_required() or default in {None, ""} else f"`{default}`"
        rows.append(f"| `{prefix}{name.upper()}` | {shown} | {field.description} |")
    return "\n".join(rows)


def _field_table(model: type[BaseModel]) -> str:
    rows = ["| key | value | default | what |", "|---|---|---|---|"]
    for name, field in model.model_fields.items():
        rows.append(f"| `{name}` | {_allowed(field)} | {_default(field)} | {field.description} |")
    return "\n".join(rows)


def _allowed(field: FieldInfo) -> str:
    """What a field may be, from the annotations that check it."""
    kind: Any = field.annotation
    arguments = get_args(kind)
    options = [option for option in (kind, *arguments) if isinstance(option, type)]
    if enums := [option for option in options if issubclass(option, StrEnum)]:
        names = ", ".join(f"`{member.value}`" for member in enums[0])
        return names if enums[0] is kind else f"list of {names}"
    if any(issubclass(option, BaseModel) for option in options):
        return "mapping, see below"
    if kind is bool:
        return "`true` or `false`"
    if get_origin(kind) is Literal:
        return f"`{arguments[0]}`"
    inner = getattr(arguments[0], "__metadata__", ()) if arguments else ()
    words = [_words(check.rule) for check in (*inner, *field.metadata) if isinstance(check, Within | Rule)]
    return ", ".join((["two numbers"] if get_origin(kind) is tuple and len(set(arguments)) == 1 else []) + words)


def _words(rule: str) -> str:
    for verb in ("must ", "be ", "hold ", "name "):
        rule = rule.removeprefix(verb)
    return rule


def _default(field: FieldInfo) -> str:
    # Though code may leave it out, text must say which kind of source it means.
    if field.is_required() or get_origin(field.annotation) is Literal:
        return "required"
    if field.default is None or isinstance(field.default, BaseModel):
        return ""
    return f"`{json.dumps(field.default).replace(chr(34), '')}`"


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
    error.__dict__.setdefault("faults", ())
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
    (REFERENCE / "cohort-spec.md").write_text(render_cohort_spec(), encoding="utf-8")
    (REFERENCE / "errors.md").write_text(render_errors(), encoding="utf-8")


if __name__ == "__main__":
    main()
