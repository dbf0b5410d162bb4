"""Write the tables of docs/performance.md from the records that benchmarks left.

    python -m benchmarks.tables [--results benchmarks/results]

The page holds a place for each benchmark, between `<!-- benchmark: NAME -->` and `<!-- end of NAME -->`; text around
them stays. A benchmark without a record leaves its place as it is, and is named.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.record import RESULTS, Record, kept
from benchmarks.workload import ROOT

PAGE = ROOT / "docs" / "performance.md"
_PLACE = re.compile(r"(<!-- benchmark: (?P<name>[a-z_]+) -->\n).*?(<!-- end of (?P=name) -->)", re.DOTALL)


def fill(page: str, record_of: Callable[[str], Record | None]) -> tuple[str, list[str]]:
    """The page with its places filled, and the names of those that have no record."""
    missing: list[str] = []

    def filled(place: re.Match[str]) -> str:
        record = record_of(place["name"])
        if record is None:
            missing.append(place["name"])
            return place[0]
        return f"{place[1]}{record.markdown()}\n{place[3]}"

    return _PLACE.sub(filled, page), missing


def main() -> None:
    """Write the page."""
    arguments = parse_arguments()
    page, missing = fill(PAGE.read_text(encoding="utf-8"), lambda name: kept(arguments.results, name))
    PAGE.write_text(page, encoding="utf-8")
    for name in missing:
        print(f"no record of {name}: its place stays as it is")


def parse_arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the records")
    return parser.parse_args(given)


if __name__ == "__main__":
    main()
