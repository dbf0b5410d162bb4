"""One process's share of a cohort: what is missing is made, a few cases at a time; what is there is kept."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice

from threadpoolctl import threadpool_limits

from imaging.errors import ImagingError
from serving.batch.claim import check_made_alike, claim
from serving.batch.files import CasePaths, encode_case
from serving.batch.finish import finish
from serving.batch.layouts import RULES
from serving.batch.ledger import CaseFailure, Fate, Fates, Ledger
from serving.batch.making import CaseMaker, MadeCase, Making
from serving.batch.order import CohortOrder, Existing, ShareReport
from serving.batch.patience import StoppedError
from serving.batch.plan import CasePlanError
from serving.batch.spec import CohortSpec, NearSource
from serving.batch.storage import open_folder
from serving.batch.verify import find_damage
from serving.synthesis.provenance import Provenance

Progress = Callable[[int], None]
"""Told how many cases of a share have been tried so far, those of earlier runs included."""

_log = logging.getLogger(__name__)


def run_share(order: CohortOrder, making: Making, *, stopping: threading.Event, on_progress: Progress) -> ShareReport:
    """Make what is missing of a share, and finish the cohort if nothing is missing of it then.

    Any number of processes may do this to one folder at one time. What a process made before it ended, in
    whatever way, is there for the next one. A case that can't be made is recorded, and tried again by the next run.

    Args:
        order: What to do.
        making: How cases are made; opened only where one is missing.
        stopping: Once set, nothing new is begun, and what is in work is given up.
        on_progress: Told of progress.

    Raises:
        StoppedError: `stopping` was set.
        AnotherCohortError: The folder holds another cohort.
        StorageError: The folder can't be read or written.
        DamagedCaseError: A file of a case that is there is gone or altered.
        ServingError: The generator can't be had, or failed and did not come back.
    """
    ledger = open_ledger(order)
    before = make_share(order, ledger, making, stopping=stopping, on_progress=on_progress)
    return ShareReport.read(order, ledger, before=before, finished=finish(ledger, order.spec))


def open_ledger(order: CohortOrder) -> Ledger:
    """The ledger of an order's folder, which is that of its cohort from now on.

    Raises:
        AnotherCohortError: It is that of another one.
        StorageError: It can't be read or written.
    """
    ledger = Ledger(open_folder(order.out), RULES[order.spec.layout])
    claim(ledger, order.spec)
    return ledger


def make_share(
    order: CohortOrder, ledger: Ledger, making: Making, *, stopping: threading.Event, on_progress: Progress
) -> Fates:
    """As `run_share`, but for the last step.

    Returns:
        The cases of the share that were there before, and are still as they were.
    """
    there = keep_sound(order, ledger)
    missing = [index for index in order.share if index not in there.made]
    on_progress(len(order.share) - len(missing))
    if missing:
        # Single sums must not depend on how many cores and cases there are. The limits that the parts of the
        # computation set for themselves are the process's: one case would lift them under another's sum.
        with threadpool_limits(limits=1, user_api="blas"), making.open(stopping) as maker:
            check_made_alike(_records(ledger, there), order.spec, maker)
            for tried, _ in enumerate(_make_all(order, ledger, maker, missing, stopping), start=1):
                on_progress(len(order.share) - len(missing) + tried)
    return there


def keep_sound(order: CohortOrder, ledger: Ledger) -> Fates:
    """The cases of the share that are there and are kept. Where the order says so, damaged ones no longer count.

    Raises:
        StorageError: The folder can't be read or written.
    """
    fates = ledger.fates().within(order.share)
    if order.existing is Existing.KEEP:
        return fates
    damaged = set()
    for damage in find_damage(ledger, fates, order.share):
        _log.warning("case.damaged", extra={"file": damage.path, "harm": damage.harm.value})
        damaged.add(damage.index)
    for index in damaged:
        ledger.forget(index)
    return fates.within(index for index in order.share if index not in damaged)


def _records(ledger: Ledger, fates: Fates) -> Iterator[Provenance]:
    yield from ledger.provenances(Fate.RELEASED, sorted(fates.released))
    yield from ledger.provenances(Fate.QUARANTINED, sorted(fates.quarantined))


def _make_all(
    order: CohortOrder, ledger: Ledger, maker: CaseMaker, indices: Sequence[int], stopping: threading.Event
) -> Iterator[Fate]:
    """What became of the cases, as it becomes known. No more than `at_once` are in work: memory is bounded."""
    giving_up = threading.Event()

    def one(index: int) -> Fate:
        if stopping.is_set() or giving_up.is_set():
            raise StoppedError
        return make_one(order.spec, ledger, maker, index)

    waiting = iter(indices)
    running: set[Future[Fate]] = set()
    with ThreadPoolExecutor(order.at_once, thread_name_prefix="case") as pool:
        try:
            while running := running | _submitted(pool, one, islice(waiting, order.at_once - len(running))):
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        finally:
            giving_up.set()


def _submitted(pool: ThreadPoolExecutor, call: Callable[[int], Fate], indices: Iterable[int]) -> set[Future[Fate]]:
    return {pool.submit(call, index) for index in indices}


def make_one(spec: CohortSpec, ledger: Ledger, maker: CaseMaker, index: int) -> Fate:
    """Make a case and keep it, or record why it can't be made.

    Raises:
        StoppedError: The process was told to end.
        ServingError: The generator or the folder failed.
    """
    rules = RULES[spec.layout]
    case_id = rules.case_id(index)
    try:
        made = maker.make(index)
        fate = fate_of(made, spec)
        if fate is Fate.RELEASED:
            paths = CasePaths.released(rules, case_id, spec.modalities)
        else:
            paths = CasePaths.quarantined(case_id, spec.modalities)
        files = encode_case(made.case, rules.scheme, paths)
        provenance = made.provenance(case_id, index, files)
    except (CasePlanError, ImagingError) as error:
        failure = CaseFailure.of(case_id, index, error)
        ledger.fail(failure)
        _log.error("case.failed", extra={"case": case_id, "kind": failure.kind, "fault": str(failure)})
        return Fate.FAILED
    ledger.keep(fate, provenance, files)
    _log.debug("case.made", extra={"case": case_id, "fate": fate.value})
    return fate


def fate_of(made: MadeCase, spec: CohortSpec) -> Fate:
    """Whether a case goes into the cohort or is set aside."""
    verdict = made.verdict
    if verdict is None:
        return Fate.RELEASED
    near = verdict.is_near_source and spec.replicas.near_source is NearSource.QUARANTINE
    return Fate.QUARANTINED if verdict.is_replica or near else Fate.RELEASED
