"""What `glioserve synthesize` can do: make a cohort, check one, make one case again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.batch.again import generator_of, make_again
from serving.batch.claim import check_same, stored_spec
from serving.batch.layouts import RULES
from serving.batch.ledger import SPEC_FILE, Ledger
from serving.batch.order import CohortOrder, Existing, ShareReport
from serving.batch.processes import run_workers
from serving.batch.progress import shown_progress
from serving.batch.served import REPLICA_INDEX_FILE, ServedMaking, StudioSettings
from serving.batch.shards import Shard
from serving.batch.signals import Stop
from serving.batch.sources import SourceCatalog
from serving.batch.spec import CohortSpec, load_spec
from serving.batch.state import NoCohortError
from serving.batch.storage import open_folder
from serving.batch.verify import find_damage
from serving.batch.worker import run_share
from serving.settings import Settings
from serving.synthesis.provenance import Provenance, ProvenanceError

_MOST_NAMED = 10
_UNCHECKED = f"there is no {REPLICA_INDEX_FILE} beside the generator: cases were not checked for replicas"
_MAX_PROVENANCE_BYTES = 2**20


@dataclass(frozen=True)
class Outcome:
    """What a command came to.

    Args:
        lines: For people.
        document: For programs; JSON can say it.
        ok: Whether all is as it should be.
    """

    lines: tuple[str, ...]
    document: Mapping[str, Any]
    ok: bool


@dataclass(frozen=True)
class Drawing:
    """How the generator is had; the arguments are those of `StudioSettings`."""

    settings: Settings
    replica_index: Path | None
    patience_s: float

    def by(self, generator: str) -> StudioSettings:
        """The settings of a generator's studio."""
        return StudioSettings(self.settings, generator, self.replica_index, self.patience_s)


def make_cohort(
    spec_file: Path,
    out: str,
    drawing: Drawing,
    *,
    shard: Shard,
    workers: int,
    at_once: int,
    existing: Existing,
    stop: Stop,
) -> Outcome:
    """Make what is missing of a share of a cohort. The arguments are those of `CohortOrder` and `run_workers`."""
    spec = load_spec(spec_file)
    SourceCatalog.open(spec)  # so that a library that can't do is found out before a Triton is started
    order = CohortOrder(spec, out, shard, at_once, existing)
    making = ServedMaking(spec, drawing.by(spec.generator))
    with shown_progress(len(order.share)) as progress:
        if workers == 1:
            report = run_share(order, making, stopping=stop.event, on_progress=progress)
        else:
            report = run_workers(order, making, workers, stopping=stop.event, on_progress=progress)
    document = {"cohort": spec.name} | report.to_json() | {"checked_for_replicas": making.studio.judges}
    unchecked = () if making.studio.judges else (_UNCHECKED,)
    return Outcome((*unchecked, *_lines(spec, report)), document, report.is_complete)


def _lines(spec: CohortSpec, report: ShareReport) -> tuple[str, ...]:
    counts = f"{report.released} released, {report.quarantined} quarantined, {len(report.failed)} failed"
    end = "the cohort is finished" if report.finished else "other shares are missing"
    failures = [f"{failure.case_id}: {failure}" for failure in report.failed[:_MOST_NAMED]]
    more = len(report.failed) - len(failures)
    return (
        *failures,
        *([f"and {more} more failed"] if more else []),
        f"{spec.name}: {report.cases} cases, {report.made} of them made now; {counts}; {end}",
    )


def check_cohort(spec_file: Path | None, out: str, shard: Shard) -> Outcome:
    """Compare the files of a share's cases with their checksums. No generator is needed, nothing is written.

    Args:
        spec_file: The spec that the cohort must have; None for whatever it has.
        out: Where the cohort is.
        shard: The share.

    Raises:
        NoCohortError: There is none.
        AnotherCohortError: It is another one.
        StorageError: It can't be read.
    """
    folder = open_folder(out)
    spec = stored_spec(folder)
    if spec is None:
        raise NoCohortError(out, f"must hold a {SPEC_FILE}", "none")
    if spec_file is not None:
        check_same(spec, load_spec(spec_file))
    ledger = Ledger(folder, RULES[spec.layout])
    share = shard.indices(spec.cases)
    fates = ledger.fates().within(share)
    damages = list(find_damage(ledger, fates, share))
    named = [str(damage) for damage in damages[:_MOST_NAMED]]
    more = len(damages) - len(named)
    document = {
        "cohort": spec.name,
        "cases": len(share),
        "checked": len(fates.made),
        "damaged": [{"file": damage.path, "harm": damage.harm.value} for damage in damages],
    }
    lines = (
        *named,
        *([f"and {more} more damaged files"] if more else []),
        f"{spec.name}: {len(fates.made)} of {len(share)} cases are there, {len(damages)} files of them damaged"
        + ("; --mend makes those cases again" if damages else ""),
    )
    return Outcome(lines, document, not damages)


def repeat_case(provenance_file: Path, spec_file: Path | None, out: str, drawing: Drawing, *, stop: Stop) -> Outcome:
    """Make one case again, and say whether the checksums agree.

    Args:
        provenance_file: Of the case.
        spec_file: Names the libraries; None where the case needs none.
        out: Where the case goes.
        drawing: How the generator is had.
        stop: Once set, it is given up.

    Raises:
        ProvenanceError: The file is no provenance.
        AgainError: The case can't be made again here.
        OSError: A file can't be read.
    """
    with provenance_file.open("rb") as file:
        content = file.read(_MAX_PROVENANCE_BYTES + 1)
    if len(content) > _MAX_PROVENANCE_BYTES:
        raise ProvenanceError("provenance", f"must be at most {_MAX_PROVENANCE_BYTES} bytes", "more")
    provenance = Provenance.from_json(content)
    sources = None if spec_file is None else SourceCatalog.open(load_spec(spec_file))
    report = make_again(provenance, out, drawing.by(generator_of(provenance)), sources, stopping=stop.event)
    lines = tuple(f"{path}: {'the same' if same else 'DIFFERS'}" for path, same in report.agree.items())
    return Outcome(lines, {"case": report.case_id, "agree": dict(report.agree)}, report.is_same)
