"""What a benchmark found: claims with target and what was reached, tables, the machine; as JSON and as Markdown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.machine import Machine, this_machine

RESULTS = Path(__file__).with_name("results")
"""Where records are kept, one file for each benchmark."""


@dataclass(frozen=True)
class Claim:
    """One thing that must hold.

    Args:
        what: In words.
        target: Likewise, with its unit.
        reached: What was measured, with its unit.
        met: Whether it holds.
    """

    what: str
    target: str
    reached: str
    met: bool

    def text(self) -> str:
        """One line."""
        return f"{'reached' if self.met else 'MISSED '}  {self.what}: {self.reached} (target: {self.target})"


@dataclass(frozen=True)
class Table:
    """Rows of text under headings.

    Args:
        caption: What it shows, a sentence.
        columns: The headings.
        rows: A text for each heading.

    Raises:
        ValueError: A row is longer or shorter than the headings.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"rows must have {len(self.columns)} columns each")

    def markdown(self) -> str:
        """Caption and table."""
        lines = [self.columns, ["---"] * len(self.columns), *self.rows]
        return "\n".join([self.caption, "", *(f"| {' | '.join(line)} |" for line in lines)])


@dataclass(frozen=True)
class Record:
    """All that one run of a benchmark found.

    Args:
        name: Of the benchmark.
        options: It was run with.
        claims: In order.
        tables: Likewise.
        notes: What a reader must know, a sentence each.
        machine: It ran on.
        when: UTC, to the minute.
    """

    name: str
    options: Mapping[str, str]
    claims: Sequence[Claim] = ()
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()
    machine: Machine = field(default_factory=this_machine)
    when: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%d %H:%M"))

    def markdown(self) -> str:
        """Claims, tables and notes."""
        parts = []
        if self.claims:
            rows = [[one.what, one.target, one.reached, "yes" if one.met else "**no**"] for one in self.claims]
            parts.append(Table("Must hold:", ["what", "target", "reached", "met"], rows).markdown())
        parts += [table.markdown() for table in self.tables]
        parts += self.notes
        options = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in self.options.items())
        parts.append(f"`python -m benchmarks.{self.name} {options}`, {self.when} UTC. {self.machine.text()}")
        return "\n\n".join(parts)

    def to_json(self) -> str:
        """All of it."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Record:
        """The record that `to_json` wrote.

        Raises:
            ValueError: It is none.
        """
        try:
            data = json.loads(text)
            data["claims"] = [Claim(**claim) for claim in data["claims"]]
            data["tables"] = [Table(**table) for table in data["tables"]]
            data["machine"] = Machine(**data["machine"])
            return cls(**data)
        except (KeyError, TypeError) as error:
            raise ValueError(f"must be a record of a benchmark: {error}") from None


def publish(record: Record, folder: Path) -> None:
    """Print it, each claim on a line of its own, and keep it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{record.name}.json").write_text(record.to_json(), encoding="utf-8")
    print(record.markdown(), end="\n\n")
    for claim in record.claims:
        print(claim.text(), flush=True)


def kept(folder: Path, name: str) -> Record | None:
    """The record of an earlier run, if there is one."""
    file = folder / f"{name}.json"
    return Record.from_json(file.read_text(encoding="utf-8")) if file.exists() else None
