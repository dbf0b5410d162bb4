"""A server of cohorts that speaks the real contract on a real socket, and answers what a test tells it to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from glioserve.v1 import cohort_pb2 as pb
from glioserve.v1 import types_pb2
from glioserve.v1.cohort_pb2_grpc import CohortServiceServicer, add_CohortServiceServicer_to_server

from tests.client.fake_server import abort

DIGEST = "c0ffee" * 10 + "0042"


def cohort(phase: str = "RUNNING", **changes: Any) -> pb.Cohort:
    return pb.Cohort(
        **{
            "id": "example",
            "name": "a-name",
            "spec_sha256": DIGEST,
            "phase": pb.CohortPhase.Value(f"COHORT_PHASE_{phase}"),
            "cases": 1200,
            "released": 7,
            "quarantined": 1,
            "failed": 2,
            "output": "s3://bucket/example",
            "shards": 4,
            "submitted_unix_s": 1_767_225_600,
        }
        | changes
    )


@dataclass
class FakeCohorts(CohortServiceServicer):
    """Answers with `states`, one after the other where it is watched, the first one elsewhere.

    Args:
        states: What to tell.
        failures: Statuses to end the next calls with, in order.
        hangs: Whether a watch never ends by itself.
    """

    states: list[pb.Cohort] = field(default_factory=lambda: [cohort()])
    failures: list[tuple[grpc.StatusCode, types_pb2.ErrorDetail]] = field(default_factory=list)
    hangs: bool = False
    requests: list[Any] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    target: str = ""

    def _take(self, request: Any, context: grpc.ServicerContext) -> None:
        self.requests.append(request)
        if self.failures:
            code, detail = self.failures.pop(0)
            abort(context, code, f"{detail.field}: {detail.rule}", detail)

    def Submit(self, request: Any, context: grpc.ServicerContext) -> pb.SubmitCohortResponse:  # noqa: N802
        self._take(request, context)
        return pb.SubmitCohortResponse(cohort=self.states[0])

    def Get(self, request: Any, context: grpc.ServicerContext) -> pb.GetCohortResponse:  # noqa: N802
        self._take(request, context)
        return pb.GetCohortResponse(cohort=self.states[0])

    def List(self, request: Any, context: grpc.ServicerContext) -> pb.ListCohortsResponse:  # noqa: N802
        self._take(request, context)
        return pb.ListCohortsResponse(cohorts=self.states)

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> pb.CancelCohortResponse:  # noqa: N802
        self._take(request, context)
        return pb.CancelCohortResponse(cohort=self.states[0])

    def Watch(self, request: Any, context: grpc.ServicerContext) -> Iterator[pb.WatchCohortResponse]:  # noqa: N802
        context.add_callback(self.ended.set)
        self._take(request, context)
        for state in self.states:
            yield pb.WatchCohortResponse(cohort=state)
        if self.hangs:
            self.ended.wait(30)


@contextmanager
def serving(fake: FakeCohorts) -> Iterator[FakeCohorts]:
    """The server on a free port, which `fake.target` then names."""
    server = grpc.server(ThreadPoolExecutor(2))
    add_CohortServiceServicer_to_server(fake, server)
    fake.target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield fake
    finally:
        fake.ended.set()
        server.stop(grace=0).wait()
