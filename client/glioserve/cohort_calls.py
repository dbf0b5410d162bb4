"""Cohorts over a connection: `Client.cohorts` and `AsyncClient.cohorts`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager

import grpc

from glioserve.cohorts import Cohort
from glioserve.core.attempts import Attempts
from glioserve.core.cohorts import list_request, read_cohort, read_spec, submit_request
from glioserve.core.tracing import Metadata
from glioserve.exam_files import PathLike
from glioserve.limits import COHORT_TIMEOUT_S, checked_timeout_s
from glioserve.v1 import cohort_pb2 as pb
from glioserve.v1.cohort_pb2_grpc import CohortServiceStub

DEFAULT_LIMIT = 100


class Cohorts:
    """Orders synthetic cohorts and asks after them. Had from `Client.cohorts`.

    Args:
        channel: To the server.
        check_open: Raises when the client is closed.
        calling: Gives one attempt of a method its metadata, and turns gRPC's errors into ours.
    """

    def __init__(
        self,
        channel: grpc.Channel,
        *,
        check_open: Callable[[], None],
        calling: Callable[[str], AbstractContextManager[Metadata]],
    ) -> None:
        self._stub = CohortServiceStub(channel)
        self._check_open = check_open
        self._calling = calling

    def submit(
        self,
        spec: PathLike,
        *,
        cohort_id: str | None = None,
        output: str | None = None,
        shards: int | None = None,
        timeout_s: float = COHORT_TIMEOUT_S,
        retries: int = 0,
    ) -> Cohort:
        """Orders a cohort. The same order is the same cohort: it can be sent again, and lets a stopped one go on.

        Args:
            spec: A YAML file. Paths of map libraries in it are relative to the server's folder of maps.
            cohort_id: Lower-case letters, digits and hyphens, at most 40. None has it made from the spec.
            output: An s3:// URL where the server allows that. None has the server choose.
            shards: Processes that share the work. None has the server choose.
            timeout_s: For the whole call, retries included.
            retries: How often to try again when the server is busy and says when to come back, or is not there.

        Raises:
            LocalInputError: The file can't be read, or an argument is impossible.
            InvalidSpecError: The spec has faults; it tells them with their places.
            AlreadyExistsError: The id is that of another cohort.
            InvalidInputError: The order can't be taken, or the server makes no cohorts.
            ServerBusyError: No cohort more may wait.
            ServerError: The server or the way to it failed; see its subclasses.
        """
        text = read_spec(spec)
        return self.submit_text(
            text, cohort_id=cohort_id, output=output, shards=shards, timeout_s=timeout_s, retries=retries
        )

    def submit_text(
        self,
        text: str,
        *,
        cohort_id: str | None = None,
        output: str | None = None,
        shards: int | None = None,
        timeout_s: float = COHORT_TIMEOUT_S,
        retries: int = 0,
    ) -> Cohort:
        """Orders a cohort by the text of its spec. See `submit`."""
        self._check_open()
        request = submit_request(text, cohort_id=cohort_id, output=output, shards=shards)

        def once(left_s: float) -> Cohort:
            with self._calling("CohortService/Submit") as metadata:
                return read_cohort(self._stub.Submit(request, metadata=metadata, timeout=left_s).cohort)

        return Attempts(timeout_s=timeout_s, retries=retries).run(once)

    def get(self, cohort_id: str, *, timeout_s: float = COHORT_TIMEOUT_S) -> Cohort:
        """How far a cohort is.

        Raises:
            NotFoundError: There is none of this id.
            GlioserveError: As for `submit`.
        """
        self._check_open()
        with self._calling("CohortService/Get") as metadata:
            answer = self._stub.Get(
                pb.GetCohortRequest(id=cohort_id), metadata=metadata, timeout=checked_timeout_s(timeout_s)
            )
        return read_cohort(answer.cohort)

    def list(self, *, limit: int = DEFAULT_LIMIT, timeout_s: float = COHORT_TIMEOUT_S) -> tuple[Cohort, ...]:
        """The cohorts that the server knows, the newest first.

        Args:
            limit: At most so many, 1 to 1000.
            timeout_s: For the whole call.

        Raises:
            GlioserveError: As for `submit`.
        """
        self._check_open()
        with self._calling("CohortService/List") as metadata:
            answer = self._stub.List(list_request(limit), metadata=metadata, timeout=checked_timeout_s(timeout_s))
        return tuple(read_cohort(each) for each in answer.cohorts)

    def cancel(self, cohort_id: str, *, timeout_s: float = COHORT_TIMEOUT_S) -> Cohort:
        """Stops a cohort; cases in hand are finished first. What was made stays.

        Raises:
            NotFoundError: There is none of this id.
            GlioserveError: As for `submit`.
        """
        self._check_open()
        with self._calling("CohortService/Cancel") as metadata:
            answer = self._stub.Cancel(
                pb.CancelCohortRequest(id=cohort_id), metadata=metadata, timeout=checked_timeout_s(timeout_s)
            )
        return read_cohort(answer.cohort)

    def watch(self, cohort_id: str, *, timeout_s: float | None = None) -> Iterator[Cohort]:
        """The cohort now, at each change, and for the last time when it has ended.

        Args:
            cohort_id: Its id.
            timeout_s: For all of it; None for as long as it takes.

        Raises:
            NotFoundError: There is none of this id.
            ServerUnavailableError: The server stops. The cohort goes on when it is there again.
            GlioserveError: As for `submit`.
        """
        self._check_open()
        return self._watch(cohort_id, None if timeout_s is None else checked_timeout_s(timeout_s))

    def _watch(self, cohort_id: str, timeout_s: float | None) -> Iterator[Cohort]:
        with self._calling("CohortService/Watch") as metadata:
            call = self._stub.Watch(pb.WatchCohortRequest(id=cohort_id), metadata=metadata, timeout=timeout_s)
            try:
                for answer in call:
                    yield read_cohort(answer.cohort)
            finally:
                call.cancel()  # without effect on a call that has ended; else nobody watches any more


class AsyncCohorts:
    """Orders synthetic cohorts and asks after them, for asyncio code. Had from `AsyncClient.cohorts`.

    Arguments, results and errors are those of `Cohorts`.

    Args:
        channel: To the server.
        check_open: Raises when the client is closed.
        calling: Gives one attempt of a method its metadata, and turns gRPC's errors into ours.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        *,
        check_open: Callable[[], None],
        calling: Callable[[str], AbstractAsyncContextManager[Metadata]],
    ) -> None:
        self._stub = CohortServiceStub(channel)
        self._check_open = check_open
        self._calling = calling

    async def submit(
        self,
        spec: PathLike,
        *,
        cohort_id: str | None = None,
        output: str | None = None,
        shards: int | None = None,
        timeout_s: float = COHORT_TIMEOUT_S,
        retries: int = 0,
    ) -> Cohort:
        """Orders a cohort. See `Cohorts.submit`."""
        text = await asyncio.to_thread(read_spec, spec)
        return await self.submit_text(
            text, cohort_id=cohort_id, output=output, shards=shards, timeout_s=timeout_s, retries=retries
        )

    async def submit_text(
        self,
        text: str,
        *,
        cohort_id: str | None = None,
        output: str | None = None,
        shards: int | None = None,
        timeout_s: float = COHORT_TIMEOUT_S,
        retries: int = 0,
    ) -> Cohort:
        """Orders a cohort by the text of its spec. See `Cohorts.submit`."""
        self._check_open()
        request = submit_request(text, cohort_id=cohort_id, output=output, shards=shards)

        async def once(left_s: float) -> Cohort:
            async with self._calling("CohortService/Submit") as metadata:
                answer = await self._stub.Submit(request, metadata=metadata, timeout=left_s)
            return read_cohort(answer.cohort)

        return await Attempts(timeout_s=timeout_s, retries=retries).run_async(once)

    async def get(self, cohort_id: str, *, timeout_s: float = COHORT_TIMEOUT_S) -> Cohort:
        """How far a cohort is. See `Cohorts.get`."""
        self._check_open()
        async with self._calling("CohortService/Get") as metadata:
            answer = await self._stub.Get(
                pb.GetCohortRequest(id=cohort_id), metadata=metadata, timeout=checked_timeout_s(timeout_s)
            )
        return read_cohort(answer.cohort)

    async def list(self, *, limit: int = DEFAULT_LIMIT, timeout_s: float = COHORT_TIMEOUT_S) -> tuple[Cohort, ...]:
        """The cohorts that the server knows, the newest first. See `Cohorts.list`."""
        self._check_open()
        async with self._calling("CohortService/List") as metadata:
            answer = await self._stub.List(list_request(limit), metadata=metadata, timeout=checked_timeout_s(timeout_s))
        return tuple(read_cohort(each) for each in answer.cohorts)

    async def cancel(self, cohort_id: str, *, timeout_s: float = COHORT_TIMEOUT_S) -> Cohort:
        """Stops a cohort. See `Cohorts.cancel`."""
        self._check_open()
        async with self._calling("CohortService/Cancel") as metadata:
            answer = await self._stub.Cancel(
                pb.CancelCohortRequest(id=cohort_id), metadata=metadata, timeout=checked_timeout_s(timeout_s)
            )
        return read_cohort(answer.cohort)

    async def watch(self, cohort_id: str, *, timeout_s: float | None = None) -> AsyncIterator[Cohort]:
        """The cohort now, at each change, and for the last time when it has ended. See `Cohorts.watch`."""
        self._check_open()
        limit_s = None if timeout_s is None else checked_timeout_s(timeout_s)
        async with self._calling("CohortService/Watch") as metadata:
            call = self._stub.Watch(pb.WatchCohortRequest(id=cohort_id), metadata=metadata, timeout=limit_s)
            try:
                async for answer in call:
                    yield read_cohort(answer.cohort)
            finally:
                call.cancel()  # without effect on a call that has ended; else nobody watches any more
