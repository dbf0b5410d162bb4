"""Starts a Triton again when it ends by itself."""

from __future__ import annotations

import logging
import threading
from typing import Self

from serving.errors import ServingError
from serving.triton.launcher import TritonServer

_log = logging.getLogger(__name__)

_POLL_S = 0.2
_SHORTEST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0


class TritonSupervisor:
    """Keeps a Triton running. As a context manager: started and ready inside, watched meanwhile, gone after.

    A Triton that ended is started again at the same addresses, at once the first time, and after pauses that double up
    to 30 s as long as starting fails. While it is away, calls fail as `EngineUnavailableError`. The server belongs to
    the supervisor from `start` to `stop`.

    Args:
        server: What is kept running.
    """

    def __init__(self, server: TritonServer) -> None:
        self._server = server
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="triton-supervisor", daemon=True)

    def start(self) -> None:
        """Start the server, and watch it from then on. Raises as `TritonServer.start`."""
        self._server.start()
        self._thread.start()

    def stop(self) -> None:
        """Stop watching, and stop the server."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._server.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _watch(self) -> None:
        pause_s = 0.0
        while not self._stopping.wait(pause_s):
            if self._server.is_running:
                self._server.wait(_POLL_S)
                continue
            pause_s = 0.0 if self._restarted() else min(_LONGEST_PAUSE_S, max(_SHORTEST_PAUSE_S, 2 * pause_s))

    def _restarted(self) -> bool:
        _log.error("triton.ended")
        try:
            self._server.restart()
        except ServingError as error:
            _log.error("triton.not_restarted", extra={"fault": str(error)})
            return False
        return True
