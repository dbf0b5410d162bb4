"""An archive that segmentations are sent to: a C-STORE SCP on a free port of this machine."""

from __future__ import annotations

import queue
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from pydicom.uid import ExplicitVRLittleEndian, SegmentationStorage
from pynetdicom import AE, evt

PATIENCE_S = 60.0


@dataclass
class Archive:
    """Takes segmentations for as long as the context lasts.

    Args:
        folder: Where they go.
        port: To listen on; 0 takes a free one.
        statuses: What to answer, in order; success when there are none left.
        syntax: The one transfer syntax that is accepted.
    """

    folder: Path
    port: int = 0
    statuses: list[int] = field(default_factory=list)
    syntax: str = ExplicitVRLittleEndian
    arrived: queue.Queue[Path] = field(default_factory=queue.Queue)

    def __enter__(self) -> Self:
        self._ae = AE(ae_title="ARCHIVE")
        self._ae.require_called_aet = True
        self._ae.add_supported_context(SegmentationStorage, self.syntax)
        server = self._ae.start_server(
            ("127.0.0.1", self.port), block=False, evt_handlers=[(evt.EVT_C_STORE, self._store)]
        )
        self.port = server.server_address[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ae.shutdown()

    def next(self) -> Path:
        """The next segmentation that comes."""
        return self.arrived.get(timeout=PATIENCE_S)

    def _store(self, event: evt.Event) -> int:
        if self.statuses and (status := self.statuses.pop(0)):
            return status
        path = self.folder / f"{event.request.AffectedSOPInstanceUID}.dcm"
        path.write_bytes(event.encoded_dataset())
        self.arrived.put(path)
        return 0x0000
