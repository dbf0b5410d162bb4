"""Reads a cohort's spec from YAML, and tells all of its faults at once."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from serving.batch.spec.errors import SpecError, SpecFault
from serving.batch.spec.explain import explain
from serving.batch.spec.libraries import SpecPlace
from serving.batch.spec.models import CohortSpec
from serving.batch.spec.nodes import YamlSyntaxError, read_nodes

MAX_BYTES = 64 * 1024
"""Of a spec's text."""


def load_spec(path: Path) -> CohortSpec:
    """Read a spec from a file. Paths of libraries are relative to its folder.

    Args:
        path: UTF-8, at most `MAX_BYTES`.

    Raises:
        SpecError: There is no such file, or it has faults: all of them, with their places.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        got = error.strerror or type(error).__name__
        raise SpecError(path.name, [SpecFault(0, 0, "spec", "must be a file that can be read", got.lower())]) from None
    return parse_spec(content, name=path.name, folder=path.parent)


def parse_spec(text: str | bytes, *, name: str, folder: Path | None, confined: bool = False) -> CohortSpec:
    """Read a spec from text.

    Args:
        text: YAML; bytes must be UTF-8.
        name: How its author knows it, for errors.
        folder: Paths of libraries are relative to it. None for a spec whose libraries are not at hand, as for the copy
            in a finished cohort: they are not looked at then, and it must state their digests, as `to_yaml` does.
        confined: Whether libraries must lie inside the folder: for text from elsewhere.

    Raises:
        SpecError: It has faults: all of them, with their places.
    """
    decoded = _decode(text, name)
    try:
        root, faults = read_nodes(decoded)
    except YamlSyntaxError as error:
        raise SpecError(name, [error.fault]) from None
    if root is None or (root.data is None and root.sound):
        raise SpecError(name, [SpecFault(1, 1, "spec", "must hold the keys of a cohort", "an empty file")])
    try:
        # By way of JSON, as only there strict typing takes lists for tuples and text for names.
        spec = CohortSpec.model_validate_json(json.dumps(root.data), context=SpecPlace(folder, confined=confined))
    except ValidationError as error:
        raise SpecError(name, [*faults, *explain(error, root)]) from None
    if faults:
        raise SpecError(name, faults)
    return spec


def _decode(text: str | bytes, name: str) -> str:
    size = len(text) if isinstance(text, bytes) else len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise SpecError(name, [SpecFault(1, 1, "spec", f"must hold at most {MAX_BYTES} bytes", "more")])
    if isinstance(text, str):
        return text.removeprefix("\ufeff")
    try:
        return text.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = text[: error.start].decode("utf-8")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        got = f"the byte 0x{text[error.start]:02X}"
        raise SpecError(name, [SpecFault(line, column, "spec", "must be UTF-8", got)]) from None
