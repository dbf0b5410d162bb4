"""What every Job of this server's cohorts has in common."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PodSettings:
    """How cohorts become pods.

    Args:
        image: That holds `serving.batch`.
        triton: HOST:PORT of the Triton that pods call.
        cpu: That one pod asks for, and may use, e.g. `1` or `500m`.
        memory: The same, e.g. `2Gi`.
        parallelism: Pods of one cohort at one time.
        ttl_s: Seconds after which a finished Job is removed; its output stays.
        grace_s: From SIGTERM to SIGKILL, in seconds.
        cohorts_mount: Where the claim `cohorts_claim` is mounted, the same path as in the server.
        cohorts_claim: A PersistentVolumeClaim of outputs; None where outputs are s3:// URLs.
        maps_mount: Where the claim `maps_claim` is mounted, the same path as in the server.
        maps_claim: A PersistentVolumeClaim of map libraries, read only; None where specs name none.
        secret: A Secret whose keys become environment variables, such as `AWS_ACCESS_KEY_ID`; None for none.
    """

    image: str
    triton: str
    cpu: str
    memory: str
    parallelism: int
    ttl_s: int
    grace_s: int
    cohorts_mount: str | None = None
    cohorts_claim: str | None = None
    maps_mount: str | None = None
    maps_claim: str | None = None
    secret: str | None = None
