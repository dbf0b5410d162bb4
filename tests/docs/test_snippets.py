"""Python in the documentation runs. A block below `<!-- needs: server -->` is checked for names and syntax only."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

import glioserve
import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"(?P<mark><!-- needs: server -->\n)?```python\n(?P<code>.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Snippet:
    place: str
    code: str
    needs_server: bool


def snippets() -> list[Snippet]:
    pages = sorted([ROOT / "README.md", ROOT / "client" / "README.md", *(ROOT / "docs").rglob("*.md")])
    return [
        Snippet(
            f"{page.relative_to(ROOT)}:{text[: match.start()].count(chr(10)) + 1}", match["code"], bool(match["mark"])
        )
        for page in pages
        for text in [page.read_text(encoding="utf-8")]
        for match in BLOCK.finditer(text)
    ]


ALL = snippets()


def test_there_are_some_of_both_kinds() -> None:
    assert {snippet.needs_server for snippet in ALL} == {True, False}


@pytest.mark.parametrize("snippet", [one for one in ALL if not one.needs_server], ids=lambda one: one.place)
def test_runs(snippet: Snippet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(snippet.code, snippet.place, "exec"), {"__name__": "__main__"})  # noqa: S102  # our own documentation


def attributes_of(name: str, tree: ast.AST) -> set[str]:
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name
    }


@pytest.mark.parametrize("snippet", [one for one in ALL if one.needs_server], ids=lambda one: one.place)
def test_names_of_the_client_exist(snippet: Snippet) -> None:
    """Every `glioserve.NAME`, and every attribute of what its calls give, is in the client."""
    tree = ast.parse(snippet.code)
    used = attributes_of("glioserve", tree)
    fields = glioserve.SegmentationResult.__dataclass_fields__.keys() | set(dir(glioserve.SegmentationResult))
    assert used
    assert used <= set(glioserve.__all__)
    assert attributes_of("client", tree) <= set(dir(glioserve.Client))
    assert attributes_of("result", tree) <= fields
    exam_fields = glioserve.SyntheticExam.__dataclass_fields__.keys() | set(dir(glioserve.SyntheticExam))
    assert attributes_of("exam", tree) <= exam_fields
