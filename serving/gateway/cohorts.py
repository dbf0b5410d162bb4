"""Cohorts over gRPC: ordered, looked at, watched, cancelled."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from glioserve.v1 import cohort_pb2 as pb
from glioserve.v1.cohort_pb2_grpc import CohortServiceServicer
from grpc import aio

from serving.cohorts.desk import MAX_LIST, CohortDesk
from serving.cohorts.errors import CohortOrderError
from serving.cohorts.job import CohortJob

_DEFAULT_LIST = 100


class CohortServicer(CohortServiceServicer):
    """`glioserve.v1.CohortService`.

    Args:
        desk: Does the work.
    """

    def __init__(self, desk: CohortDesk) -> None:
        self._desk = desk

    async def Submit(  # noqa: N802  # the contract's name
        self,
        request: pb.SubmitCohortRequest,
        context: aio.ServicerContext[Any, Any],  # noqa: ARG002  # the signature is gRPC's
    ) -> pb.SubmitCohortResponse:
        """Order a cohort."""
        job = await self._desk.submit(request.spec, cohort=request.id, output=request.output, shards=request.shards)
        return pb.SubmitCohortResponse(cohort=cohort_message(job))

    async def Get(  # noqa: N802  # the contract's name
        self,
        request: pb.GetCohortRequest,
        context: aio.ServicerContext[Any, Any],  # noqa: ARG002  # the signature is gRPC's
    ) -> pb.GetCohortResponse:
        """How far a cohort is."""
        return pb.GetCohortResponse(cohort=cohort_message(await self._desk.get(request.id)))

    async def List(  # noqa: N802  # the contract's name
        self,
        request: pb.ListCohortsRequest,
        context: aio.ServicerContext[Any, Any],  # noqa: ARG002  # the signature is gRPC's
    ) -> pb.ListCohortsResponse:
        """The newest cohorts."""
        if request.limit > MAX_LIST:
            raise CohortOrderError("limit", f"must be at most {MAX_LIST}", f"{request.limit}")
        jobs = await self._desk.recent(request.limit or _DEFAULT_LIST)
        return pb.ListCohortsResponse(cohorts=[cohort_message(job) for job in jobs])

    async def Cancel(  # noqa: N802  # the contract's name
        self,
        request: pb.CancelCohortRequest,
        context: aio.ServicerContext[Any, Any],  # noqa: ARG002  # the signature is gRPC's
    ) -> pb.CancelCohortResponse:
        """Stop a cohort."""
        return pb.CancelCohortResponse(cohort=cohort_message(await self._desk.cancel(request.id)))

    async def Watch(  # noqa: N802  # the contract's name
        self,
        request: pb.WatchCohortRequest,
        context: aio.ServicerContext[Any, Any],  # noqa: ARG002  # the signature is gRPC's
    ) -> AsyncGenerator[pb.WatchCohortResponse, None]:
        """A cohort's states until it has ended."""
        async with aclosing(self._desk.watch(request.id)) as jobs:
            async for job in jobs:
                yield pb.WatchCohortResponse(cohort=cohort_message(job))


def cohort_message(job: CohortJob) -> pb.Cohort:
    """A job as the contract has it."""
    return pb.Cohort(
        id=job.id,
        name=job.name,
        spec_sha256=job.spec_sha256,
        phase=pb.CohortPhase.Value(f"COHORT_PHASE_{job.phase.name}"),
        cases=job.cases,
        released=job.counts.released,
        quarantined=job.counts.quarantined,
        failed=job.counts.failed,
        output=job.output,
        shards=job.shards,
        note=job.note,
        submitted_unix_s=job.submitted_unix_s,
    )
