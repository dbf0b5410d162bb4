"""Pydantic's errors as faults of a text: where they stand, and in our words."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from serving.batch.spec.errors import SpecFault
from serving.batch.spec.models import CohortSpec
from serving.batch.spec.nodes import Mark, Node, Path, dotted

_LONGEST = 60
"""Characters of a value that are quoted."""


def explain(error: ValidationError, root: Node) -> Iterator[SpecFault]:
    """The faults that pydantic found in what a tree holds, but for what the tree's own faults tell already.

    Args:
        error: From the validation of `root.data` as `CohortSpec`.
        root: The tree.
    """
    for detail in error.errors(include_url=False):
        path, mark, sound = _locate(detail, root)
        if sound:
            rule, got = _words(detail, path)
            yield SpecFault(mark.line, mark.column, dotted(path), rule, got)


def _locate(detail: ErrorDetails, root: Node) -> tuple[Path, Mark, bool]:
    """The path as the text has it, its place, and whether the text was understood there.

    Pydantic puts the kind of a source between its index and its fields: a part that the text does not have.
    """
    node, path, last = root, [], len(detail["loc"]) - 1
    for position, part in enumerate(detail["loc"]):
        if part in node.children:
            node = node.children[part]
            path.append(part)
        elif position == last and (isinstance(part, str) and part not in _KINDS):
            path.append(part)
        if not node.sound:
            return tuple(path), node.mark, False
    return tuple(path), node.mark, True


def _words(detail: ErrorDetails, path: Path) -> tuple[str, str]:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return "must be a known key", _with_hint(str(path[-1]), _known_keys(path[:-1]))
    if kind == "enum":
        allowed = _names(str(context["expected"]))
        return f"must be one of {', '.join(allowed)}", _with_hint(detail["input"], allowed)
    if kind == "union_tag_invalid":
        allowed = _names(str(context["expected_tags"]))
        return f"must have a kind, one of {', '.join(allowed)}", _with_hint(context["tag"], allowed)
    if kind == "rule":
        return str(context["rule"]), str(context.get("got", describe(detail["input"])))
    if kind == "missing":
        # A pair that is too short lacks its second item: there, no key is missing.
        is_item = isinstance(detail["loc"][-1], int)
        return ("must hold 2 numbers", describe(detail["input"])) if is_item else ("must be given", "nothing")
    if kind == "too_long":
        return f"must hold {context['max_length']} numbers", describe(detail["input"])
    message = str(detail["msg"])
    return _RULES.get(kind, message[:1].lower() + message[1:]), describe(detail["input"])


_KINDS = frozenset({"builtin", "library"})
_RULES: Mapping[str, str] = MappingProxyType(
    {
        "int_type": "must be a whole number",
        "int_from_float": "must be a whole number",
        "float_type": "must be a number",
        "string_type": "must be text",
        "path_type": "must be text",
        "bool_type": "must be true or false",
        "tuple_type": "must be a list",
        "model_type": "must be a mapping",
        "model_attributes_type": "must be a mapping",
        "dict_type": "must be a mapping",
        "union_tag_not_found": f"must have a kind, one of {', '.join(sorted(_KINDS))}",
    }
)


def describe(value: object) -> str:
    """A value as errors quote it, shortened."""
    match value:
        case None:
            text = "nothing"
        case bool():
            text = str(value).lower()
        case dict():
            text = "a mapping"
        case list() | tuple():
            text = f"[{', '.join(map(describe, value))}]"
        case _:
            text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _with_hint(given: object, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(str(given).lower(), list(known), n=1)
    return f"{describe(given)}; did you mean {close[0]}?" if close else describe(given)


def _names(expected: str) -> list[str]:
    """The names in pydantic's `'a', 'b' or 'c'`."""
    return [part for part in expected.split("'") if part.isidentifier() and part != "or"]


def _known_keys(path: Path) -> list[str]:
    """The keys that the mapping at a path may have, of whatever kind it is."""
    models: list[type[BaseModel]] = [CohortSpec]
    for part in path:
        if isinstance(part, str):
            annotations = [model.model_fields[part].annotation for model in models if part in model.model_fields]
            models = [inner for annotation in annotations for inner in _models_in(annotation)]
    return [key for model in models for key in model.model_fields]


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401  # any annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)
