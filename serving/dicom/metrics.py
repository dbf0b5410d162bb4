"""Prometheus metrics of one node. No label and no value tells anything about a patient."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, start_http_server


class Outcome(StrEnum):
    """What came of one attempt at a study."""

    DELIVERED = "delivered"
    """Its segmentation is at the destination."""
    RETRIED = "retried"
    """It failed, and is tried again."""
    SET_ASIDE = "set_aside"
    """It failed for good, until new images of it come or somebody asks for it."""
    OUTDATED = "outdated"
    """Images came while it was in work."""


class NodeMetrics:
    """Everything that a node counts, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._objects = Counter("glioserve_dicom_objects", "Objects that came", ["kind"], registry=self.registry)
        self._studies = Counter(
            "glioserve_dicom_studies", "Attempts at studies, by what came of them", ["outcome"], registry=self.registry
        )

    def count_object(self, kind: str) -> None:
        """An object came: `image`, `repeated`, or `other`."""
        self._objects.labels(kind).inc()

    def count_study(self, outcome: Outcome) -> None:
        """An attempt at a study is over."""
        self._studies.labels(outcome.value).inc()

    def watch(self, waiting: Callable[[], float], held: Callable[[], float]) -> None:
        """Read these whenever the metrics are asked for."""
        Gauge("glioserve_dicom_waiting", "Studies that wait", registry=self.registry).set_function(waiting)
        Gauge("glioserve_dicom_held", "Studies on disk", registry=self.registry).set_function(held)

    @contextmanager
    def served(self, host: str, port: int) -> Iterator[str]:
        """Serve them over HTTP, in a thread of its own; the address, `host:port`."""
        server, thread = start_http_server(port, addr=host, registry=self.registry)
        try:
            yield f"{host}:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
