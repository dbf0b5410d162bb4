"""The side of a node that others call: C-ECHO and C-STORE."""

from __future__ import annotations

import io
import logging
from collections.abc import Hashable
from typing import Any, Protocol, cast

from glioserve.dicom.quiet import quiet
from pydicom import dcmread
from pydicom.uid import (
    UID,
    EnhancedMRImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    LegacyConvertedEnhancedMRImageStorage,
    MRImageStorage,
    RLELossless,
)
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.transport import ThreadedAssociationServer

from serving.dicom.errors import DicomPortError
from serving.dicom.settings import DicomSettings

VERIFICATION = UID("1.2.840.10008.1.1")
MR_IMAGES = frozenset({MRImageStorage, EnhancedMRImageStorage, LegacyConvertedEnhancedMRImageStorage})
TRANSFER_SYNTAXES: tuple[UID, ...] = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    JPEGLSLossless,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    RLELossless,
)
"""Lossless all of them, and none whose header is deflated, which could unpack to any size."""

SUCCESS = 0x0000
OUT_OF_RESOURCES = 0xA700
NOT_UNDERSTOOD = 0xC000
MAX_ASSOCIATIONS = 16

_log = logging.getLogger(__name__)


class Inbox(Protocol):
    """What takes the images in. Called by the threads of several associations at a time."""

    def image(self, study_uid: str, instance_uid: str, content: bytes, association: Hashable) -> None:
        """Keep an image for good.

        Raises:
            OSError: It can't be kept.
        """

    def other(self) -> None:
        """An object came that is no MR image; it is not kept."""

    def ended(self, association: Hashable, *, released: bool) -> None:
        """An association is over, properly or not."""


class Receiver:
    """Listens between `start` and `stop`.

    All kinds of objects are accepted, as senders give up on a study of which a part is refused, but only MR images are
    kept.

    Args:
        settings: Of the node.
        inbox: Takes what comes.
    """

    def __init__(self, settings: DicomSettings, inbox: Inbox) -> None:
        self._settings = settings
        self._inbox = inbox
        self._ae: AE | None = None

    def start(self) -> str:
        """Listen; the address, `host:port`.

        Raises:
            DicomPortError: The port can't be had.
        """
        ae = AE(ae_title=self._settings.ae_title)
        ae.require_called_aet = True
        ae.require_calling_aet = list(self._settings.allowed_callers)
        ae.maximum_associations = MAX_ASSOCIATIONS
        ae.add_supported_context(VERIFICATION)
        for context in AllStoragePresentationContexts:
            ae.add_supported_context(str(context.abstract_syntax), list(TRANSFER_SYNTAXES))
        handlers: list[Any] = [
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_RELEASED, self._released),
            (evt.EVT_CONN_CLOSE, self._closed),
        ]
        try:
            address = (self._settings.host, self._settings.port)
            server = cast("ThreadedAssociationServer", ae.start_server(address, block=False, evt_handlers=handlers))
        except OSError as error:
            rule = f"must be free on {self._settings.host}"
            raise DicomPortError("port", rule, f"{self._settings.port}, {type(error).__name__}") from None
        self._ae = ae
        return f"{self._settings.host}:{server.server_address[1]}"

    def stop(self) -> None:
        """Take no more calls, and end those that are open."""
        if self._ae is not None:
            self._ae.shutdown()

    def _store(self, event: evt.Event) -> int:
        request = cast("C_STORE", event.request)
        if request.AffectedSOPClassUID not in MR_IMAGES:
            self._inbox.other()
            return SUCCESS
        content = event.encoded_dataset()
        try:
            with quiet():
                header = dcmread(io.BytesIO(content), stop_before_pixels=True, specific_tags=["StudyInstanceUID"])
                study_uid = str(header.StudyInstanceUID)
        except Exception as error:  # noqa: BLE001 - pydicom raises whatever it stumbles over
            _log.warning("dicom.not_understood", extra={"kind": type(error).__name__})
            return NOT_UNDERSTOOD
        try:
            self._inbox.image(study_uid, str(request.AffectedSOPInstanceUID), content, id(event.assoc))
        except OSError as error:
            _log.error("dicom.not_kept", extra={"kind": type(error).__name__, "why": error.strerror})
            return OUT_OF_RESOURCES
        return SUCCESS

    def _released(self, event: evt.Event) -> None:
        self._inbox.ended(id(event.assoc), released=True)

    def _closed(self, event: evt.Event) -> None:
        self._inbox.ended(id(event.assoc), released=False)
