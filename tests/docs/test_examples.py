"""The examples of the documentation are what it says of them."""

from __future__ import annotations

from pathlib import Path

from serving.batch.plan import SourceCatalog
from serving.batch.spec import BuiltinEntry, load_spec

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"


def test_the_cohort_of_the_quick_start_needs_no_data() -> None:
    spec = load_spec(EXAMPLES / "cohort.yaml")
    assert spec.cases == 10
    assert all(isinstance(source, BuiltinEntry) for source in spec.sources)
    assert SourceCatalog.open(spec).digests == {}
