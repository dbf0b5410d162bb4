"""The reference pages say what the code says."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize("page", ["settings", "cohort-spec", "errors"])
def test_page_is_what_the_code_says(page: str) -> None:
    generator = runpy.run_path(str(DOCS / "generate_reference.py"))
    expected = generator[f"render_{page.replace('-', '_')}"]()
    assert (DOCS / "reference" / f"{page}.md").read_text(encoding="utf-8") == expected, "run `make docs`"
