"""The faults of cohort jobs."""

from __future__ import annotations

from serving.errors import Cause, ServingError


class CohortsOffError(ServingError):
    """The server makes no cohorts: nobody told it where they go."""

    cause = Cause.PRECONDITION


class CohortOrderError(ServingError):
    """An order that can't be carried out: an impossible id, output or number of shards, or a spec that is too long."""

    cause = Cause.INVALID


class UnknownCohortError(ServingError):
    """There is no cohort of this id."""

    cause = Cause.NOT_FOUND


class CohortConflictError(ServingError):
    """The id is that of another cohort."""

    cause = Cause.CONFLICT


class CohortQueueFullError(ServingError):
    """No cohort more may wait."""

    cause = Cause.RESOURCE_EXHAUSTED


class CohortsClosingError(ServingError):
    """The server stops. Cohorts under way go on when it is there again."""

    cause = Cause.UNAVAILABLE


class CohortStoreError(ServingError):
    """The folder of the cohorts can't be used: it can't be written, belongs to another server, or holds damage."""

    cause = Cause.PRECONDITION


class KubernetesMissingError(ServingError):
    """Cohorts shall be Jobs of Kubernetes, and its client or its configuration is not there."""

    cause = Cause.PRECONDITION


class ClusterRefusedError(ServingError):
    """The cluster refuses what was asked of it: a right is missing, a quota is used up, or a setting is wrong."""

    cause = Cause.PRECONDITION


class ClusterUnavailableError(ServingError):
    """The cluster's API does not answer, or answers with a fault of its own."""

    cause = Cause.UNAVAILABLE
