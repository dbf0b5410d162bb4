"""Runs a cohort's worker and ends it when told to, or when the server is gone, however it went.

A script of the standard library alone, which `worker.py` runs as a process between the server and the worker. The end
of its standard input is the word to stop: the worker gets SIGTERM, on which it finishes the case in hand, and after
the grace time SIGKILL, with all that it started.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress

_PR_SET_PDEATHSIG = 1
_SIGNALLED = 128


def main() -> int:
    """Run the command `sys.argv[2:]` with a grace time of `sys.argv[1]` seconds.

    Returns:
        Its exit code; 128 and the signal's number where a signal ended it.
    """
    worker = subprocess.Popen(  # noqa: S603 (the server's own command, no shell)
        sys.argv[2:],
        stdin=subprocess.DEVNULL,
        process_group=0,
        preexec_fn=_die_with_guard if sys.platform == "linux" else None,  # noqa: PLW1509 (one thread so far)
    )
    # A signal for the server and all its children, such as Ctrl-C, is the server's to act on.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_stop_when_told, args=(worker, float(sys.argv[1])), daemon=True).start()
    try:
        code = worker.wait()
    finally:
        with suppress(ProcessLookupError):  # what the worker started ends with it
            os.killpg(worker.pid, signal.SIGKILL)
    return code if code >= 0 else _SIGNALLED - code


def _stop_when_told(worker: subprocess.Popen[bytes], grace_s: float) -> None:
    sys.stdin.read()
    worker.terminate()
    try:
        worker.wait(grace_s)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGKILL)


def _die_with_guard() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
