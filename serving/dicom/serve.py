"""Serves until a signal says stop: what `glioserve-server dicom` does."""

from __future__ import annotations

from collections.abc import Callable

from serving.batch.signals import stopped_by_signals
from serving.dicom.errors import DicomMissingError
from serving.dicom.settings import DicomSettings


def serve(settings: DicomSettings, *, retry: bool, on_ready: Callable[[str, str], None]) -> None:
    """Run a node until SIGTERM or SIGINT, then let the study in hand finish. A second signal ends the process at once.

    Args:
        settings: Of the node.
        retry: Studies that were set aside are tried again.
        on_ready: Told the addresses of the node and of its metrics, `host:port` both.

    Raises:
        ServingError: The node could not be started.
    """
    try:
        from serving.dicom.node import DicomNode  # imported here, as what it needs is an extra
    except ImportError as error:
        rule = "needs the extra: pip install 'glioserve-stack[dicom]'"
        raise DicomMissingError("dicom", rule, f"no package {error.name or 'glioserve[dicom]'}") from None
    with stopped_by_signals() as stop, DicomNode(settings, retry=retry) as node:
        on_ready(node.address, node.metrics_address)
        stop.wait()
