"""Rigid alignment of the contrasts of an exam, judged before it is used."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass

from imaging.errors import ExamError, ImagingError, PipelineCancelledError
from imaging.modality import Modality
from imaging.registration.head import Head
from imaging.registration.judge import ALIGNED_MM, Judge
from imaging.registration.motion import RigidMotion
from imaging.registration.pair import Pair
from imaging.registration.search import Search
from imaging.registration.starts import find_starts
from imaging.volume import Volume

_POLL_S = 0.05


@dataclass(frozen=True)
class Alignment:
    """How a contrast was brought onto another.

    Args:
        motion: From the fixed volume's world to the moving one's; the identity where nothing had to be done.
        registered: Whether the contrast has to be moved.
        similarity_before: Mutual information in nats of what both show, as sent: in the inner head, or in and around a
            stripped brain. 0 where their fields of view have next to nothing in common.
        similarity_after: The same after the motion.
    """

    motion: RigidMotion
    registered: bool
    similarity_before: float
    similarity_after: float


def _never() -> None:
    """Nobody cancels."""


def align(moving: Volume, fixed: Volume, *, field: str, check_cancelled: Callable[[], None] = _never) -> Alignment:
    """Bring one contrast onto another.

    On one grid, and on each other to a millimetre, they are left as they are. Else the motion is searched for on two
    levels from two or three starts, and judged. The same volumes give the same motion, on any number of threads.

    Args:
        moving: Any real type, finite; with its skull or without, slices of any thickness.
        fixed: Likewise.
        field: How the moving volume is named in an error.
        check_cancelled: Called between steps of less than a second; raises to stop.

    Raises:
        RegistrationError: One shows no head, or what was found may not be used, see `Judge.accept`.
    """
    return _align(moving, fixed, Head.of(fixed, field=fixed.grid.field), field, check_cancelled)


def align_all(
    volumes: Mapping[Modality, Volume],
    onto: Modality,
    *,
    threads: int,
    check_cancelled: Callable[[], None] = _never,
) -> dict[Modality, Alignment]:
    """Bring all contrasts of an exam onto one of them, side by side.

    Args:
        volumes: As for `align`; `onto` among them.
        onto: The fixed one.
        threads: How many are aligned at a time, each on one thread; at least 1.
        check_cancelled: Called from the calling thread, many times a second; raises to stop.

    Returns:
        One alignment for each of the others, in the order of the volumes.

    Raises:
        ExamError: The fixed one is missing.
        ImagingError: There are no threads.
        RegistrationError: One can't be aligned: the first, where there are many.
    """
    if onto not in volumes:
        raise ExamError(onto.value, "must be sent, as the others are aligned to it", "none")
    if threads < 1:
        raise ImagingError("threads", "must be at least 1", f"{threads}")
    fixed = volumes[onto]
    others = [modality for modality in volumes if modality is not onto]
    stopped = threading.Event()

    def check_stopped() -> None:
        if stopped.is_set():
            raise PipelineCancelledError

    head = Head.of(fixed, field=onto.value)
    with ThreadPoolExecutor(threads, thread_name_prefix="align") as pool:
        futures = [pool.submit(_align, volumes[one], fixed, head, one.value, check_stopped) for one in others]
        try:
            while wait(futures, timeout=_POLL_S).not_done:
                check_cancelled()
        finally:
            stopped.set()
        return {one: future.result() for one, future in zip(others, futures, strict=True)}


def _align(
    volume: Volume, fixed_volume: Volume, fixed: Head, field: str, check_cancelled: Callable[[], None]
) -> Alignment:
    check_cancelled()
    pair = Pair(Head.of(volume, field=field), fixed)
    judge, search = Judge(pair, field), Search(pair, field)
    as_sent = RigidMotion.identity()
    before = judge.at(as_sent).information
    untouched = Alignment(as_sent, registered=False, similarity_before=before, similarity_after=before)
    on_one_grid = volume.canonical().grid.matches(fixed_volume.canonical().grid)
    if on_one_grid and judge.is_aligned():
        return untouched
    peaks = []
    for start in find_starts(pair):
        check_cancelled()
        peaks.append(search.coarse(start))
    check_cancelled()
    motion = search.fine(max(peaks, key=lambda peak: judge.at(peak).information))
    check_cancelled()
    after = judge.accept(motion, peaks).information
    if on_one_grid and motion.apart_mm(as_sent, fixed.corners_mm) <= ALIGNED_MM:
        return untouched
    return Alignment(motion, registered=True, similarity_before=before, similarity_after=after)
