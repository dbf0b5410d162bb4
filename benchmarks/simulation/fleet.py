"""A fleet of replicas that exams are dealt out to, in simulated time."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
import numpy.typing as npt

from benchmarks.simulation.replica import Replica, Speeds
from benchmarks.simulation.scaling import Autoscaler, Scaling

_END, _START, _LOOK = range(3)


@dataclass(frozen=True, eq=False)
class Simulated:
    """What became of the exams.

    Args:
        latencies_s: From arrival to end, `float64 [n]`, in the order of arrival.
        replica_s: Seconds that replicas were there for, in all.
        most_replicas: At one time.
    """

    latencies_s: npt.NDArray[np.float64]
    replica_s: float
    most_replicas: int

    def percentile_s(self, share: float) -> float:
        """Of the latencies, share from 0 to 100."""
        return float(np.percentile(self.latencies_s, share))


@dataclass(eq=False)
class _Member:
    replica: Replica
    since_s: float
    version: int = 0


def simulate(
    arrivals_s: Sequence[float] | npt.NDArray[np.float64],
    work_s: Sequence[float] | npt.NDArray[np.float64],
    *,
    speeds: Speeds,
    replicas: int = 1,
    scaling: Scaling | None = None,
) -> Simulated:
    """Let exams arrive and be worked on.

    Clients deal out their exams in turn, as by client-side round robin. A replica that is to go takes nothing new, and
    goes when it holds nothing: none of its exams is lost.

    Args:
        arrivals_s: Ascending.
        work_s: Of each, what it takes alone.
        speeds: Of every replica.
        replicas: At the beginning.
        scaling: How their number follows the load; None leaves it.
    """
    fleet = _Fleet(speeds, replicas, scaling)
    latencies = np.zeros(len(arrivals_s))
    arrivals = iter(enumerate(zip(arrivals_s, work_s, strict=True)))
    upcoming = next(arrivals, None)
    left = len(latencies)
    while left:
        event = fleet.next_event_s
        if upcoming is not None and (event is None or upcoming[1][0] <= event):
            exam, (now_s, work) = upcoming
            fleet.arrive(now_s, exam, work)
            upcoming = next(arrivals, None)
            continue
        ended = fleet.step()
        if ended is not None:
            now_s, exam = ended
            latencies[exam] = now_s - arrivals_s[exam]
            left -= 1
    return Simulated(latencies, fleet.replica_s, fleet.most)


class _Fleet:
    def __init__(self, speeds: Speeds, replicas: int, scaling: Scaling | None) -> None:
        self._speeds = speeds
        self._taking = [_Member(Replica(speeds), 0.0) for _ in range(replicas)]
        self._leaving: list[_Member] = []
        self._scaling = scaling
        self._autoscaler = Autoscaler(scaling) if scaling else None
        self._events: list[tuple[float, int, int, _Member | None, int]] = []
        self._order = count()
        self._turn = 0
        self._starting = 0
        self._gone_s = 0.0
        self._now_s = 0.0
        self.most = replicas
        if scaling:
            self._push(scaling.period_s, _LOOK)

    @property
    def next_event_s(self) -> float | None:
        """Of the fleet itself; None where nothing is going to happen."""
        self._forget_outdated()
        return self._events[0][0] if self._events else None

    @property
    def replica_s(self) -> float:
        """Until now."""
        return self._gone_s + sum(self._now_s - member.since_s for member in (*self._taking, *self._leaving))

    def arrive(self, now_s: float, exam: int, work_s: float) -> None:
        """An exam comes."""
        self._now_s = now_s
        self._turn = (self._turn + 1) % len(self._taking)
        member = self._taking[self._turn]
        member.replica.arrive(now_s, exam, work_s)
        self._plan_end(member)

    def step(self) -> tuple[float, int] | None:
        """The next event; the time and the exam where one has ended."""
        self._forget_outdated()
        now_s, _, kind, member, _ = heapq.heappop(self._events)
        self._now_s = now_s
        if kind == _END and member is not None:
            exam = member.replica.end(now_s)
            self._plan_end(member)
            if member in self._leaving:
                self._let_go(member)
            return now_s, exam
        if kind == _START:
            self._starting -= 1
            self._taking.append(_Member(Replica(self._speeds), now_s))
            self.most = max(self.most, len(self._taking) + len(self._leaving))
        elif kind == _LOOK:
            self._look(now_s)
        return None

    def _look(self, now_s: float) -> None:
        if self._scaling is None or self._autoscaler is None:
            return
        there = len(self._taking) + self._starting
        held = sum(member.replica.held for member in self._taking)
        wanted = self._autoscaler.wanted(now_s, held=held, replicas=there)
        for _ in range(wanted - there):
            self._starting += 1
            self._push(now_s + self._scaling.start_s, _START)
        for _ in range(min(there - wanted, len(self._taking) - 1)):
            leaving = self._taking.pop()
            self._leaving.append(leaving)
            self._let_go(leaving)
        self._push(now_s + self._scaling.period_s, _LOOK)

    def _let_go(self, member: _Member) -> None:
        if not member.replica.held:
            self._leaving.remove(member)
            self._gone_s += self._now_s - member.since_s

    def _plan_end(self, member: _Member) -> None:
        member.version += 1
        end_s = member.replica.next_end_s
        if end_s is not None:
            self._push(end_s, _END, member)

    def _push(self, time_s: float, kind: int, member: _Member | None = None) -> None:
        version = member.version if member else 0
        heapq.heappush(self._events, (time_s, next(self._order), kind, member, version))

    def _forget_outdated(self) -> None:
        events = self._events
        while events and (member := events[0][3]) is not None and events[0][4] != member.version:
            heapq.heappop(events)
