"""Cohorts made by Indexed Jobs of a Kubernetes cluster.

A cohort is a ConfigMap with its spec and its order, which stays, and at most one Job that is under way. The cluster
keeps the queue and the retries; how many cases there are is read from the output.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from serving.cohorts.counts import try_to_count
from serving.cohorts.errors import CohortConflictError, CohortStoreError, UnknownCohortError
from serving.cohorts.job import CaseCounts, CohortJob, CountReader, JobOrder, JobPhase
from serving.cohorts.kubernetes.cluster import Cluster, ConfigMapView, JobView
from serving.cohorts.kubernetes.manifests import (
    MANAGED,
    RECORD_KEY,
    attempt_of,
    cancelled_manifest,
    cancelled_name,
    job_manifest,
    job_name,
    record_manifest,
    record_name,
    selector,
)
from serving.cohorts.kubernetes.pods import PodSettings
from serving.cohorts.names import check_id
from serving.errors import ServingError

_GONE = "its Job is gone before every case was made; the same order makes another"
_log = logging.getLogger(__name__)


class _Said(BaseModel):
    """What a cohort's ConfigMap says of its order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    spec_sha256: str
    cases: int = Field(ge=1)
    output: str
    shards: int = Field(ge=1)


@dataclass(frozen=True)
class _Objects:
    """A cohort's objects in the cluster.

    Args:
        record: Its ConfigMap.
        said: What that says.
        job: Its newest Job; None when there is none any more.
        cancelled: Whether a caller cancelled it.
    """

    record: ConfigMapView
    said: _Said
    job: JobView | None
    cancelled: bool


class KubernetesRunner:
    """See `CohortRunner`. Nothing of a job is kept in this process, so that any replica of the gateway knows all jobs.

    Args:
        cluster: Where the Jobs are.
        pods: What they are like.
        count: Reads how many cases an output holds.
    """

    def __init__(self, cluster: Cluster, pods: PodSettings, *, count: CountReader) -> None:
        self._cluster = cluster
        self._pods = pods
        self._count = count
        self._ended: dict[str, tuple[str, CaseCounts]] = {}
        """Counts of cohorts whose Job ended, with its name: they change no more."""

    async def open(self) -> None:
        """See `CohortRunner`. A cluster that does not answer, or lacks our rights, is found out here."""
        await asyncio.to_thread(self._cluster.jobs, MANAGED)

    async def close(self) -> None:
        """See `CohortRunner`. Jobs run on: the cluster minds them."""
        await asyncio.to_thread(self._cluster.close)

    async def submit(self, order: JobOrder) -> CohortJob:
        """See `CohortRunner`. The cluster's own quota bounds what runs."""
        return await asyncio.to_thread(self._submit, order)

    async def get(self, cohort: str) -> CohortJob:
        """See `CohortRunner`."""
        return await asyncio.to_thread(lambda: self._job(self._find(cohort)))

    async def recent(self, limit: int) -> tuple[CohortJob, ...]:
        """See `CohortRunner`."""
        return await asyncio.to_thread(self._recent, limit)

    async def cancel(self, cohort: str) -> CohortJob:
        """See `CohortRunner`. Its Job is deleted, pods first."""
        return await asyncio.to_thread(self._cancel, cohort)

    def _submit(self, order: JobOrder) -> CohortJob:
        if self._cluster.create_config_map(record_manifest(order)):
            _log.info("cohort.recorded", extra={"cohort": order.id, "cases": order.cases})
        found = self._find(order.id)
        _check_same(found.said, order)
        job = self._job(found)
        if found.job is not None and job.phase in {JobPhase.QUEUED, JobPhase.RUNNING}:
            if job.shards != order.shards:
                rule = f"must be {job.shards} while the cohort is made"
                raise CohortConflictError("shards", rule, f"{order.shards}")
            return job
        if job.phase is JobPhase.COMPLETED:
            return job
        attempt = 1 if found.job is None else attempt_of(found.job.name) + 1
        self._cluster.delete_config_map(cancelled_name(order.id))
        # Another replica of this server may be faster with the same order; then there is the Job that was wanted.
        if self._cluster.create_job(job_manifest(order, attempt, self._pods)):
            _log.info("cohort.queued", extra={"cohort": order.id, "job": job_name(order.id, attempt)})
        return self._job(self._find(order.id))

    def _cancel(self, cohort: str) -> CohortJob:
        found = self._find(cohort)
        if not self._phase(found, self._counts(found)[0]).has_ended:
            # First the word, then the deed: a Job that is gone without it counts as failed.
            self._cluster.create_config_map(cancelled_manifest(cohort))
            if found.job is not None:
                self._cluster.delete_job(found.job.name)
        return self._job(self._find(cohort))

    def _recent(self, limit: int) -> tuple[CohortJob, ...]:
        maps, jobs = self._cluster.config_maps(MANAGED), self._cluster.jobs(MANAGED)
        found = []
        for record in maps:
            if record.name == record_name(record.cohort):
                try:
                    found.append(_objects(record.cohort, maps, jobs))
                except CohortStoreError:  # one that is damaged must not hide the others
                    _log.error("cohort.record_damaged", extra={"cohort": record.cohort})
        newest = sorted(found, key=lambda objects: (-_submitted_unix_s(objects), objects.record.cohort))
        return tuple(self._job(objects) for objects in newest[:limit])

    def _find(self, cohort: str) -> _Objects:
        try:
            check_id(cohort)
        except ServingError:
            raise UnknownCohortError("id", "must be that of a cohort", "no id at all") from None
        found = selector(cohort)
        return _objects(cohort, self._cluster.config_maps(found), self._cluster.jobs(found))

    def _job(self, objects: _Objects) -> CohortJob:
        counts, note = self._counts(objects)
        phase = self._phase(objects, counts)
        if phase is JobPhase.FAILED:
            why = (objects.job.failure if objects.job is not None else None) or _GONE
            note = "; ".join(part for part in (why, note) if part)
        return CohortJob(
            id=objects.record.cohort,
            name=objects.said.name,
            spec_sha256=objects.said.spec_sha256,
            phase=phase,
            cases=objects.said.cases,
            counts=counts,
            output=objects.said.output,
            shards=objects.said.shards if objects.job is None else objects.job.completions,
            note=note,
            submitted_unix_s=_submitted_unix_s(objects),
        )

    def _counts(self, objects: _Objects) -> tuple[CaseCounts, str]:
        """How many cases there are, and what kept the output from being read."""
        cohort, job = objects.record.cohort, objects.job
        known = self._ended.get(cohort)
        if job is not None and known is not None and known[0] == job.name:
            return known[1], ""
        counts, unread = try_to_count(self._count, objects.said.output)
        if job is not None and (job.complete or job.failure) and not unread:
            self._ended[cohort] = (job.name, counts)
        return counts, unread

    @staticmethod
    def _phase(objects: _Objects, counts: CaseCounts) -> JobPhase:
        job = objects.job
        if job is None:
            if counts.released + counts.quarantined >= objects.said.cases:
                return JobPhase.COMPLETED
            return JobPhase.CANCELLED if objects.cancelled else JobPhase.FAILED
        if job.complete:
            return JobPhase.COMPLETED
        if job.failure is not None:
            return JobPhase.FAILED
        if job.deleting:
            return JobPhase.STOPPING
        return JobPhase.RUNNING if job.active else JobPhase.QUEUED


def _objects(cohort: str, maps: list[ConfigMapView], jobs: list[JobView]) -> _Objects:
    """What there is of a cohort.

    Raises:
        UnknownCohortError: It has no record.
        CohortStoreError: Its record can't be read.
    """
    by_name = {each.name: each for each in maps}
    record = by_name.get(record_name(cohort))
    if record is None:
        raise UnknownCohortError("id", "must be that of a cohort", repr(cohort))
    try:
        said = _Said.model_validate_json(record.data[RECORD_KEY])
    except (KeyError, ValidationError):
        raise CohortStoreError("cluster", "must hold the record as it was written", "a damaged ConfigMap") from None
    own = [job for job in jobs if job.cohort == cohort]
    newest = max(own, key=lambda job: attempt_of(job.name), default=None)
    return _Objects(record, said, newest, cancelled=cancelled_name(cohort) in by_name)


def _submitted_unix_s(objects: _Objects) -> int:
    return objects.record.created_unix_s if objects.job is None else objects.job.created_unix_s


def _check_same(said: _Said, order: JobOrder) -> None:
    if said.spec_sha256 != order.spec_sha256:
        raise CohortConflictError("id", "must be new, or that of a cohort of the same spec", "the id of another spec")
    if said.output != order.output:
        raise CohortConflictError("output", "must be that of the cohort of this id", "another one")
