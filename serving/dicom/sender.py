"""The side of a node that calls others: a segmentation goes out by C-STORE."""

from __future__ import annotations

from pathlib import Path

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, SegmentationStorage
from pynetdicom import AE
from pynetdicom.association import Association

from serving.dicom.errors import DestinationError
from serving.dicom.settings import DicomSettings

CONNECT_TIMEOUT_S = 15.0
ANSWER_TIMEOUT_S = 120.0
STORED = frozenset({0x0000, 0xB000, 0xB006, 0xB007})
"""Statuses of C-STORE that say that the object was taken: success, and warnings."""

_FIELD = "destination"


def send_segmentation(path: Path, settings: DicomSettings) -> None:
    """Sends a segmentation to the destination, and waits until it is taken.

    Args:
        path: The file.
        settings: Of the node.

    Raises:
        DestinationError: The destination can't be reached, does not accept the call or the object, or breaks off.
    """
    ae = AE(ae_title=settings.ae_title)
    ae.connection_timeout = ae.acse_timeout = CONNECT_TIMEOUT_S
    ae.dimse_timeout = ae.network_timeout = ANSWER_TIMEOUT_S
    ae.add_requested_context(SegmentationStorage, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
    association = ae.associate(
        settings.destination_host, settings.destination_port, ae_title=settings.destination_ae_title
    )
    if not association.is_established:
        got = "a refusal" if association.is_rejected else "no connection"
        raise DestinationError(_FIELD, "must accept an association", got)
    try:
        _store(association, path)
    finally:
        if association.is_established:
            association.release()


def _store(association: Association, path: Path) -> None:
    if not association.accepted_contexts:
        raise DestinationError(_FIELD, "must take segmentations", "a refusal of their kind")
    answer = association.send_c_store(path)
    if "Status" not in answer:
        raise DestinationError(_FIELD, "must answer", "silence, or an association that broke")
    if answer.Status not in STORED:
        raise DestinationError(_FIELD, "must store the segmentation", f"status 0x{answer.Status:04X}")
