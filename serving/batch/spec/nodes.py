"""YAML as a tree that remembers where everything stands. A small YAML: no aliases, no tags, one document."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from serving.batch.spec.errors import SpecFault

MAX_DEPTH = 16
"""Of mappings and lists in each other; deeper text is no spec."""
MAX_DIGITS = 40
"""Of a number; longer ones are text."""

Key = str | int
Path = tuple[Key, ...]

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLS: Mapping[str, bool] = {
    text: text.lower() == "true" for text in ("true", "True", "TRUE", "false", "False", "FALSE")
}
_INT = re.compile(rf"[-+]?[0-9]{{1,{MAX_DIGITS}}}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


@dataclass(frozen=True)
class Mark:
    """Where something stands, both counted from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Node:
    """A value with its place.

    Args:
        mark: Where it is said: at its key in a mapping, else where it begins.
        data: The value as Python has it.
        children: What is in it, by key or index.
        sound: Whether it was understood. If not, a fault says so, and `data` is None.
    """

    mark: Mark
    data: Any
    children: Mapping[Key, Node] = field(default_factory=dict)
    sound: bool = True


class YamlSyntaxError(Exception):
    """Text that is no YAML.

    Args:
        fault: What is wrong, and where.
    """

    def __init__(self, fault: SpecFault) -> None:
        super().__init__(fault.rule)
        self.fault = fault


def read_nodes(text: str) -> tuple[Node | None, list[SpecFault]]:
    """The tree of a text, and the faults that do not keep the rest of it from being read.

    Plain scalars are read as YAML 1.2 has them: `1e3` is a number, `no` and `on` are text.

    Returns:
        The root, None for a text without any; and the faults: keys given twice (the first stands), keys that are no
        text, aliases, anchors, tags, a second document.

    Raises:
        YamlSyntaxError: It is no YAML, or nested too deeply.
    """
    reader = _Reader(text)
    try:
        return reader.read(), reader.faults
    except yaml.MarkedYAMLError as error:
        mark = _mark(error.problem_mark or error.context_mark)
        problem = f"{error.problem} ({error.context})" if error.context else str(error.problem)
        raise YamlSyntaxError(SpecFault(mark.line, mark.column, "yaml", "must be valid YAML", problem)) from None
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        mark = Mark(before.count("\n") + 1, len(before) - before.rfind("\n"))
        got = f"the character U+{ord(text[error.position]):04X}"
        raise YamlSyntaxError(SpecFault(mark.line, mark.column, "yaml", "must hold printable text", got)) from None


class _Reader:
    def __init__(self, text: str) -> None:
        self.faults: list[SpecFault] = []
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=yaml.SafeLoader))

    def read(self) -> Node | None:
        root: Node | None = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    self._fault(_mark(event.start_mark), (), "must hold one document", "a second one")
                    break
                root = self._node(next(self._events), (), None)
        return root

    def _node(self, event: Any, path: Path, key_mark: Mark | None) -> Node:  # noqa: ANN401  # PyYAML is untyped
        mark = key_mark or _mark(event.start_mark)
        if len(path) > MAX_DEPTH:
            fault = SpecFault(mark.line, mark.column, dotted(path), f"must not be deeper than {MAX_DEPTH}", "deeper")
            raise YamlSyntaxError(fault)
        if isinstance(event, yaml.AliasEvent):
            return self._unsound(mark, path, "must be written out", f"the alias *{event.anchor}")
        if isinstance(event, yaml.MappingStartEvent):
            node = self._mapping(path, mark)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence(path, mark)
        else:
            node = self._scalar(event, path, mark)
        if event.anchor is not None:
            return self._unsound(mark, path, "must be without an anchor", f"&{event.anchor}")
        if event.tag is not None:
            return self._unsound(mark, path, "must be without a tag", event.tag)
        return node

    def _mapping(self, path: Path, mark: Mark) -> Node:
        children: dict[Key, Node] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            at = _mark(event.start_mark)
            if not isinstance(event, yaml.ScalarEvent):
                self._node(event, path, None)
                self._fault(at, path, "must have text for keys", "another key")
                self._skip()
                continue
            key = str(event.value)
            child = self._node(next(self._events), (*path, key), at)
            if key in children:
                self._fault(at, (*path, key), "must be given once", f"it again, after line {children[key].mark.line}")
            else:
                children[key] = child
        return Node(mark, {key: child.data for key, child in children.items()}, children)

    def _sequence(self, path: Path, mark: Mark) -> Node:
        children: dict[Key, Node] = {}
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            index = len(children)
            children[index] = self._node(event, (*path, index), None)
        return Node(mark, [child.data for child in children.values()], children)

    def _scalar(self, event: Any, path: Path, mark: Mark) -> Node:  # noqa: ANN401  # PyYAML is untyped
        text = str(event.value)
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            return self._unsound(mark, path, "must be text", "half of a surrogate pair")
        # Only a plain scalar may stand for something else than text.
        return Node(mark, _resolve(text) if event.implicit[0] else text)

    def _skip(self) -> None:
        """Pass over the value of a key that was refused, keeping the faults before it only."""
        known = len(self.faults)
        self._node(next(self._events), (), None)
        del self.faults[known:]

    def _unsound(self, mark: Mark, path: Path, rule: str, got: str) -> Node:
        self._fault(mark, path, rule, got)
        return Node(mark, None, sound=False)

    def _fault(self, mark: Mark, path: Path, rule: str, got: str) -> None:
        self.faults.append(SpecFault(mark.line, mark.column, dotted(path), rule, got[:80]))


def dotted(path: Path) -> str:
    """A path as errors name it, e.g. `sources.0.weight`; the whole spec is `spec`."""
    return ".".join(str(part)[:40] for part in path) or "spec"


def _resolve(text: str) -> Any:  # noqa: ANN401  # what a scalar stands for
    if text in _NULLS:
        return None
    if text in _BOOLS:
        return _BOOLS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _NOT_FINITE.fullmatch(text):
        return float(text.replace(".", "", 1))
    return float(text) if len(text) <= MAX_DIGITS and _FLOAT.fullmatch(text) else text


def _mark(mark: Any) -> Mark:  # noqa: ANN401  # PyYAML is untyped
    return Mark(mark.line + 1, mark.column + 1)
